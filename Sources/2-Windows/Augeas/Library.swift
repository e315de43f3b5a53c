internal import CAugeas
internal import Glibc

/// Augeas' functions, looked up in the library once it is wanted.
///
/// SAFETY: each symbol is cast to the type its declaration has in Augeas' header, written by hand here. `AugeasHeaderTests` does not compile where one
/// differs from the header.
struct Library: Sendable {
    let initialize: @convention(c) (UnsafePointer<CChar>?, UnsafePointer<CChar>?, UInt32) -> OpaquePointer?
    let close: @convention(c) (OpaquePointer?) -> Void
    let error: @convention(c) (OpaquePointer?) -> Int32
    let errorMessage: @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?
    let errorMinorMessage: @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?
    let errorDetails: @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?
    let get:
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafePointer<CChar>?>?
        ) -> Int32
    let label:
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafePointer<CChar>?>?
        ) -> Int32
    let set: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Int32
    let insert: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, Int32) -> Int32
    let remove: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?) -> Int32
    let match:
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?,
            UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
        ) -> Int32
    let textStore:
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?
        ) -> Int32
    let textRetrieve:
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?,
            UnsafePointer<CChar>?
        ) -> Int32

    /// The library, opened once for the process; a failure is kept too.
    static let shared: Result<Library, AugeasError> = {
        guard let handle = dlopen("libaugeas.so.0", RTLD_NOW | RTLD_LOCAL) else {
            return .failure(
                AugeasError(
                    .notInstalled, "Augeas is not installed (libaugeas.so.0)",
                    remedy: "Install it (Debian: libaugeas0, SUSE: libaugeas0 and augeas-lenses, Fedora: augeas-libs)"))
        }
        do throws(AugeasError) { return .success(try Library(handle)) } catch { return .failure(error) }
    }()

    private init(_ handle: UnsafeMutableRawPointer) throws(AugeasError) {
        func find<Function>(_ name: String, _ type: Function.Type = Function.self) throws(AugeasError) -> Function {
            guard let symbol = dlsym(handle, name) else {
                throw AugeasError(
                    .notInstalled, "this Augeas has no \(name)", remedy: "Augeas 1.0 or later is needed")
            }
            return unsafeBitCast(symbol, to: Function.self)
        }
        initialize = try find("aug_init")
        close = try find("aug_close")
        error = try find("aug_error")
        errorMessage = try find("aug_error_message")
        errorMinorMessage = try find("aug_error_minor_message")
        errorDetails = try find("aug_error_details")
        get = try find("aug_get")
        label = try find("aug_label")
        set = try find("aug_set")
        insert = try find("aug_insert")
        remove = try find("aug_rm")
        match = try find("aug_match")
        textStore = try find("aug_text_store")
        textRetrieve = try find("aug_text_retrieve")
    }
}
