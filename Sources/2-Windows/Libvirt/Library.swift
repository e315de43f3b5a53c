internal import CLibvirt
internal import Glibc

/// libvirt's functions, looked up in the library once it is wanted.
///
/// SAFETY: each `symbol` is cast to the type its declaration has in libvirt's headers, written by hand here. `FunctionsTests` does not compile where
/// one differs from the header, and fails where one is looked up by the name of another.
struct Library: Sendable {
    let initialize: @convention(c) () -> Int32
    let setErrorFunc: @convention(c) (UnsafeMutableRawPointer?, virErrorFunc?) -> Void
    let lastError: @convention(c) () -> virErrorPtr?
    let registerDefaultLoop: @convention(c) () -> Int32
    let runDefaultLoop: @convention(c) () -> Int32
    let open: @convention(c) (UnsafePointer<CChar>?) -> virConnectPtr?
    let openReadOnly: @convention(c) (UnsafePointer<CChar>?) -> virConnectPtr?
    let close: @convention(c) (virConnectPtr?) -> Int32
    let uri: @convention(c) (virConnectPtr?) -> UnsafeMutablePointer<CChar>?
    let type: @convention(c) (virConnectPtr?) -> UnsafePointer<CChar>?
    let version: @convention(c) (virConnectPtr?, UnsafeMutablePointer<UInt>?) -> Int32
    let libVersion: @convention(c) (virConnectPtr?, UnsafeMutablePointer<UInt>?) -> Int32
    let capabilities: @convention(c) (virConnectPtr?) -> UnsafeMutablePointer<CChar>?
    let domainCapabilities:
        @convention(c) (
            virConnectPtr?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?,
            UInt32
        ) -> UnsafeMutablePointer<CChar>?
    let listAllDomains:
        @convention(c) (virConnectPtr?, UnsafeMutablePointer<UnsafeMutablePointer<virDomainPtr?>?>?, UInt32) -> Int32
    let allDomainStats:
        @convention(c) (
            virConnectPtr?, UInt32, UnsafeMutablePointer<UnsafeMutablePointer<virDomainStatsRecordPtr?>?>?, UInt32
        ) -> Int32
    let statsFree: @convention(c) (UnsafeMutablePointer<virDomainStatsRecordPtr?>?) -> Void
    let lookupByName: @convention(c) (virConnectPtr?, UnsafePointer<CChar>?) -> virDomainPtr?
    let domainFree: @convention(c) (virDomainPtr?) -> Int32
    let domainName: @convention(c) (virDomainPtr?) -> UnsafePointer<CChar>?
    let domainXML: @convention(c) (virDomainPtr?, UInt32) -> UnsafeMutablePointer<CChar>?
    let defineXML: @convention(c) (virConnectPtr?, UnsafePointer<CChar>?, UInt32) -> virDomainPtr?
    let undefine: @convention(c) (virDomainPtr?, UInt32) -> Int32
    let shutdown: @convention(c) (virDomainPtr?, UInt32) -> Int32
    let create: @convention(c) (virDomainPtr?, UInt32) -> Int32
    let destroy: @convention(c) (virDomainPtr?, UInt32) -> Int32
    let vcpuCount: @convention(c) (virDomainPtr?, UInt32) -> Int32
    let setVCPUs: @convention(c) (virDomainPtr?, UInt32, UInt32) -> Int32
    let domainInfo: @convention(c) (virDomainPtr?, virDomainInfoPtr?) -> Int32
    let setMemory: @convention(c) (virDomainPtr?, UInt, UInt32) -> Int32
    let vcpuPins: @convention(c) (virDomainPtr?, Int32, UnsafeMutablePointer<UInt8>?, Int32, UInt32) -> Int32
    let pinVCPU: @convention(c) (virDomainPtr?, UInt32, UnsafeMutablePointer<UInt8>?, Int32, UInt32) -> Int32
    let emulatorPin: @convention(c) (virDomainPtr?, UnsafeMutablePointer<UInt8>?, Int32, UInt32) -> Int32
    let pinEmulator: @convention(c) (virDomainPtr?, UnsafeMutablePointer<UInt8>?, Int32, UInt32) -> Int32
    let iothreads:
        @convention(c) (
            virDomainPtr?, UnsafeMutablePointer<UnsafeMutablePointer<virDomainIOThreadInfoPtr?>?>?, UInt32
        ) -> Int32
    let iothreadFree: @convention(c) (virDomainIOThreadInfoPtr?) -> Void
    let pinIOThread: @convention(c) (virDomainPtr?, UInt32, UnsafeMutablePointer<UInt8>?, Int32, UInt32) -> Int32
    let numaParameters:
        @convention(c) (virDomainPtr?, virTypedParameterPtr?, UnsafeMutablePointer<Int32>?, UInt32) -> Int32
    let setNUMAParameters: @convention(c) (virDomainPtr?, virTypedParameterPtr?, Int32, UInt32) -> Int32
    let addText:
        @convention(c) (
            UnsafeMutablePointer<virTypedParameterPtr?>?, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?,
            UnsafePointer<CChar>?, UnsafePointer<CChar>?
        ) -> Int32
    let memoryParameters:
        @convention(c) (virDomainPtr?, virTypedParameterPtr?, UnsafeMutablePointer<Int32>?, UInt32) -> Int32
    let setMemoryParameters: @convention(c) (virDomainPtr?, virTypedParameterPtr?, Int32, UInt32) -> Int32
    let addNumber:
        @convention(c) (
            UnsafeMutablePointer<virTypedParameterPtr?>?, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?,
            UnsafePointer<CChar>?, UInt64
        ) -> Int32
    let baselineCPU:
        @convention(c) (virConnectPtr?, UnsafeMutablePointer<UnsafePointer<CChar>?>?, UInt32, UInt32) ->
            UnsafeMutablePointer<CChar>?
    let domainToNative:
        @convention(c) (virConnectPtr?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UInt32) -> UnsafeMutablePointer<
            CChar
        >?
    let setAutostart: @convention(c) (virDomainPtr?, Int32) -> Int32
    let attachDevice: @convention(c) (virDomainPtr?, UnsafePointer<CChar>?, UInt32) -> Int32
    let updateDevice: @convention(c) (virDomainPtr?, UnsafePointer<CChar>?, UInt32) -> Int32
    let detachDevice: @convention(c) (virDomainPtr?, UnsafePointer<CChar>?, UInt32) -> Int32
    let freeParameters: @convention(c) (virTypedParameterPtr?, Int32) -> Void
    let clearParameters: @convention(c) (virTypedParameterPtr?, Int32) -> Void
    let domainState:
        @convention(c) (virDomainPtr?, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?, UInt32) -> Int32
    let domainAutostart: @convention(c) (virDomainPtr?, UnsafeMutablePointer<Int32>?) -> Int32
    let domainIsPersistent: @convention(c) (virDomainPtr?) -> Int32
    let domainIsActive: @convention(c) (virDomainPtr?) -> Int32
    /// Since libvirt 7.1; `nil` in older ones.
    let domainMessages:
        (
            @convention(c) (
                virDomainPtr?, UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?, UInt32
            ) -> Int32
        )?

    /// The library, opened and initialised once for the process; nil-errors are kept too, so that nobody tries again and again.
    static let shared: Result<Library, LibvirtError> = {
        guard let handle = dlopen("libvirt.so.0", RTLD_NOW | RTLD_LOCAL) else {
            return .failure(
                LibvirtError(
                    .notInstalled, "dlopen", "libvirt is not installed (libvirt.so.0)",
                    remedy: "Install it (Debian: libvirt0, SUSE: libvirt-libs), or check files with --xml"))
        }
        do throws(LibvirtError) {
            let library = try Library(handle)
            guard library.initialize() == 0 else { return .failure(library.failure("virInitialize")) }
            // libvirt prints errors to stderr by default; ours say more.
            library.setErrorFunc(nil) { _, _ in }
            return .success(library)
        } catch {
            return .failure(error)
        }
    }()

    private init(_ handle: UnsafeMutableRawPointer) throws(LibvirtError) {
        func find<Function>(_ name: String, _ type: Function.Type = Function.self) throws(LibvirtError) -> Function {
            guard let symbol = dlsym(handle, name) else {
                throw LibvirtError(
                    .unsupported, name, "this libvirt has no \(name)", remedy: "libvirt 5.0 or later is needed")
            }
            return unsafeBitCast(symbol, to: Function.self)
        }
        initialize = try find("virInitialize")
        setErrorFunc = try find("virSetErrorFunc")
        lastError = try find("virGetLastError")
        registerDefaultLoop = try find("virEventRegisterDefaultImpl")
        runDefaultLoop = try find("virEventRunDefaultImpl")
        open = try find("virConnectOpen")
        openReadOnly = try find("virConnectOpenReadOnly")
        close = try find("virConnectClose")
        uri = try find("virConnectGetURI")
        type = try find("virConnectGetType")
        version = try find("virConnectGetVersion")
        libVersion = try find("virConnectGetLibVersion")
        capabilities = try find("virConnectGetCapabilities")
        domainCapabilities = try find("virConnectGetDomainCapabilities")
        listAllDomains = try find("virConnectListAllDomains")
        allDomainStats = try find("virConnectGetAllDomainStats")
        statsFree = try find("virDomainStatsRecordListFree")
        lookupByName = try find("virDomainLookupByName")
        domainFree = try find("virDomainFree")
        domainName = try find("virDomainGetName")
        domainXML = try find("virDomainGetXMLDesc")
        defineXML = try find("virDomainDefineXMLFlags")
        undefine = try find("virDomainUndefineFlags")
        shutdown = try find("virDomainShutdownFlags")
        create = try find("virDomainCreateWithFlags")
        destroy = try find("virDomainDestroyFlags")
        vcpuCount = try find("virDomainGetVcpusFlags")
        setVCPUs = try find("virDomainSetVcpusFlags")
        domainInfo = try find("virDomainGetInfo")
        setMemory = try find("virDomainSetMemoryFlags")
        vcpuPins = try find("virDomainGetVcpuPinInfo")
        pinVCPU = try find("virDomainPinVcpuFlags")
        emulatorPin = try find("virDomainGetEmulatorPinInfo")
        pinEmulator = try find("virDomainPinEmulator")
        iothreads = try find("virDomainGetIOThreadInfo")
        iothreadFree = try find("virDomainIOThreadInfoFree")
        pinIOThread = try find("virDomainPinIOThread")
        numaParameters = try find("virDomainGetNumaParameters")
        setNUMAParameters = try find("virDomainSetNumaParameters")
        addText = try find("virTypedParamsAddString")
        memoryParameters = try find("virDomainGetMemoryParameters")
        setMemoryParameters = try find("virDomainSetMemoryParameters")
        addNumber = try find("virTypedParamsAddULLong")
        baselineCPU = try find("virConnectBaselineCPU")
        domainToNative = try find("virConnectDomainXMLToNative")
        setAutostart = try find("virDomainSetAutostart")
        attachDevice = try find("virDomainAttachDeviceFlags")
        updateDevice = try find("virDomainUpdateDeviceFlags")
        detachDevice = try find("virDomainDetachDeviceFlags")
        freeParameters = try find("virTypedParamsFree")
        clearParameters = try find("virTypedParamsClear")
        domainState = try find("virDomainGetState")
        domainAutostart = try find("virDomainGetAutostart")
        domainIsPersistent = try find("virDomainIsPersistent")
        domainIsActive = try find("virDomainIsActive")
        domainMessages = dlsym(handle, "virDomainGetMessages").map {
            unsafeBitCast(
                $0,
                to: (@convention(c) (
                    virDomainPtr?, UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?, UInt32
                ) -> Int32)
                .self)
        }
    }

    /// The calling thread's last error; to be asked in the same stretch as the call that failed.
    func failure(_ function: String) -> LibvirtError {
        guard let error = lastError()?.pointee else {
            return LibvirtError(.failed, function, "\(function) failed without a word")
        }
        let message = error.message.map { String(cString: $0) } ?? "\(function) failed without a word"
        switch UInt32(bitPattern: error.code) {
        case VIR_ERR_NO_CONNECT.rawValue, VIR_ERR_AUTH_FAILED.rawValue, VIR_ERR_AUTH_CANCELLED.rawValue,
            VIR_ERR_AUTH_UNAVAILABLE.rawValue:
            return LibvirtError(.noConnection, function, message)
        case VIR_ERR_NO_DOMAIN.rawValue: return LibvirtError(.noDomain, function, message)
        case VIR_ERR_NO_SUPPORT.rawValue, VIR_ERR_ARGUMENT_UNSUPPORTED.rawValue:
            return LibvirtError(.unsupported, function, message)
        case VIR_ERR_OPERATION_TIMEOUT.rawValue, VIR_ERR_AGENT_UNRESPONSIVE.rawValue, VIR_ERR_AGENT_UNSYNCED.rawValue:
            return LibvirtError(.timedOut, function, message)
        default:
            // A daemon that is not there, or goes away in the middle, shows as an error of the client's own side of the protocol.
            let isGone = [VIR_FROM_RPC, VIR_FROM_REMOTE].contains { error.domain == Int32($0.rawValue) }
            guard isGone else { return LibvirtError(.failed, function, message) }
            let wasOpen = !function.hasPrefix("virConnectOpen")
            return LibvirtError(
                .noConnection, function, wasOpen ? "the connection was lost: \(message)" : message,
                remedy: LibvirtError.lookAtDaemon)
        }
    }
}
