import DiskImage

extension ImageSize {
    /// A size, or a complaint in qemu-img's words.
    static func parsed(_ text: String) throws(ImageError) -> UInt64 {
        guard let size = bytes(text) else {
            throw ImageError(
                .invalid,
                "Invalid image size specified. You may use k, M, G, T, P or E suffixes for\u{2028}\(ImageStatus.program): kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes."
            )
        }
        return size
    }
}
