public import Quantities

extension Mount {
    /// Whether it gives out huge pages of a size: a hugetlbfs with that `pagesize=`, or with none where the size is the host's default.
    ///
    /// - Source: kernel fs/hugetlbfs/inode.c `hugetlbfs_parse_param`.
    public func serves(hugePagesOf size: ByteCount, defaultSize: ByteCount?) -> Bool {
        guard type == "hugetlbfs" else { return false }
        guard let option = option("pagesize") else { return size == defaultSize }
        let digits = option.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits) else { return false }
        let unit = option.dropFirst(digits.count)
        return (unit.isEmpty ? ByteCount(bytes: number) : ByteCount(number, unit: String(unit))) == size
    }
}
