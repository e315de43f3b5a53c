extension String {
    /// The text as one word of a POSIX shell's command line: as it is where no character means anything to a shell, else in single quotes.
    ///
    /// Names and paths come from definitions and images, which are not trusted; commands are printed to be copied.
    public var shellWord: String {
        let isPlain =
            !utf8.isEmpty
            && utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true  // digits and letters
                case 0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x3A, 0x3D, 0x40, 0x5F, 0x25: true  // + , - . / : = @ _ %
                default: byte >= 0x80
                }
            }
        if isPlain { return self }
        return "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
