public import DiskImage
public import Quantities

/// What the guide recommends for one image, told as advice rather than as findings (§5.1).
public struct ImageAdvice: Sendable {
    /// One thing an image is made with.
    public struct Item: Sendable {
        /// A word for programs.
        public var topic: String
        /// A word for people.
        public var title: Text
        /// What it is now.
        public var now: Text
        /// What is recommended.
        public var advice: Text
        /// What that costs.
        public var tradeOff: Text
        /// Commands and settings that do it.
        public var commands: [String]
        /// Whether the image is so already.
        public var isMet: Bool
    }

    /// The items, in the guide's order.
    public var items: [Item]

    /// The advice for an image; nothing but what its header says is looked at.
    ///
    /// - Parameter image: what it says of itself.
    public init(_ image: ImageFacts) {
        items = [Self.format(image)]
        guard let size = image.virtualSize.value, image.malformed == nil else { return }
        if image.format == .qcow2 {
            items.append(Self.cluster(image, size))
            items.append(Self.cache(image, size))
        }
        items.append(Self.preallocation(image))
        if image.format == .qcow2 {
            items.append(Self.lazyRefcounts(image))
            if image.encryption != nil { items.append(Self.encryption(image)) }
            if image.backingFile != nil { items.append(Self.backing(image)) }
        }
    }

    private static func copy(_ image: ImageFacts, _ options: String) -> String {
        let target = image.sibling("-new.qcow2")
        return
            "nearmetal image convert -p -f \(image.format.rawValue) -O qcow2\(options)\(image.backingArguments) \(shellWord(image.path)) \(shellWord(target))"
    }

    private static func format(_ image: ImageFacts) -> Item {
        let isMet = image.format == .raw || image.format == .qcow2
        return Item(
            topic: "format", title: Text("Format", "格式"), now: Text(verbatim: image.format.rawValue),
            advice: isMet
                ? Text(
                    "raw for speed alone; qcow2 for snapshots, overlays, thin images and encryption",
                    "只求速度用 raw;需要快照、覆盖映像、精简分配和加密用 qcow2")
                : Text("raw or qcow2: others are for exchange", "使用 raw 或 qcow2:其他格式仅用于交换"),
            tradeOff: Text(
                "raw has no snapshots and no backing file; qcow2 looks each cluster up in tables.",
                "raw 没有快照和后备文件;qcow2 需要查表定位每个簇。"),
            commands: isMet ? [] : [copy(image, "")], isMet: isMet)
    }

    private static func cluster(_ image: ImageFacts, _ size: ByteCount) -> Item {
        let cluster = image.clusterSize ?? ByteCount(kibibytes: 64)
        let tables = ImageL2Cache.tables(size, cluster: cluster, isExtended: image.extendedL2)
        let isOverlay = image.backingFile != nil
        let isMany = tables > ByteCount(mebibytes: 128) && cluster < ByteCount(mebibytes: 1)
        let isLargeCopy = isOverlay && cluster > ByteCount(kibibytes: 64) && !image.extendedL2
        let options =
            isMany ? " -o cluster_size=1M" : isLargeCopy ? " -o cluster_size=128k,extended_l2=on" : ""
        return Item(
            topic: "cluster-size", title: Text("Cluster size", "簇大小"),
            now: Text(
                "\(cluster): \(tables) of tables for \(size)", "\(cluster):\(size) 需要 \(tables) 的表"),
            advice: isMany
                ? Text("1 MiB: a sixteenth of the tables", "1 MiB:表缩小为十六分之一")
                : isLargeCopy
                    ? Text(
                        "128 KiB with extended_l2: a small write copies 4 KiB rather than \(cluster)",
                        "128 KiB 加 extended_l2:小块写入只复制 4 KiB 而非 \(cluster)")
                    : Text("as it is", "保持不变"),
            tradeOff: Text(
                "Large clusters take more space for little data, and an overlay copies one whole at its first write; small ones make large tables. It is fixed when the image is made.",
                "大簇存放少量数据时占用更多空间,覆盖映像首次写入要复制整个簇;小簇使表变大。簇大小在创建时固定。"),
            commands: options.isEmpty ? [] : [copy(image, options)], isMet: options.isEmpty)
    }

    private static func cache(_ image: ImageFacts, _ size: ByteCount) -> Item {
        let cluster = image.clusterSize ?? ByteCount(kibibytes: 64)
        let needed = ImageL2Cache.tables(size, cluster: cluster, isExtended: image.extendedL2)
        let isMet = needed <= ImageL2Cache.today
        let entry = image.extendedL2 ? 16 : 8
        let bytes = needed.rawValue
        return Item(
            topic: "l2-cache", title: Text("L2 cache", "L2 缓存"),
            now: Text(
                "\(size) ÷ \(cluster) × \(entry) bytes = \(needed); QEMU takes up to \(ImageL2Cache.today) by itself (since 3.1; 1 MiB before)",
                "\(size) ÷ \(cluster) × \(entry) 字节 = \(needed);QEMU 自动使用最多 \(ImageL2Cache.today)(自 3.1 起;之前为 1 MiB)"),
            advice: isMet
                ? Text("nothing to set", "无需设置") : Text("a cache that holds all tables", "设置能容纳所有表的缓存"),
            tradeOff: Text(
                "The cache is the host's memory, for each disk, on top of the guest's.", "缓存占用主机内存,按磁盘计算,不计入客户机内存。"),
            commands: isMet
                ? []
                : [
                    "<driver name='qemu' type='qcow2'><metadata_cache><max_size unit='bytes'>\(bytes + 4 * cluster.rawValue)</max_size></metadata_cache></driver>",
                    "-drive file=\(shellWord(image.path)),l2-cache-size=\(bytes)",
                ], isMet: isMet)
    }

    private static func preallocation(_ image: ImageFacts) -> Item {
        let isThere = image.isPreallocated == true
        return Item(
            topic: "preallocation", title: Text("Preallocation", "预分配"),
            now: isThere
                ? Text("every place is given already", "所有位置均已分配")
                : image.isPreallocated == nil
                    ? Text("cannot be told from the header", "头部无法判断") : Text("it grows as it is written", "写入时增长"),
            advice: Text(
                "off for images that stay thin; metadata for qcow2 that grows fast; falloc where space must not run out; full where the first write must be as fast as any",
                "保持精简的映像用 off;增长快的 qcow2 用 metadata;不允许空间不足时用 falloc;首次写入也要最快时用 full"),
            tradeOff: Text(
                "metadata costs seconds at creation; falloc takes all space at once; full writes it all once more.",
                "metadata 创建时需数秒;falloc 立即占用全部空间;full 还要完整写一遍。"),
            commands: [
                "nearmetal image create -f \(image.format == .raw ? "raw" : "qcow2") -o preallocation=\(image.format == .raw ? "falloc" : "metadata") \(shellWord(image.sibling("-new." + (image.format == .raw ? "raw" : "qcow2")))) \(image.virtualSize.value?.rawValue ?? 0)"
            ], isMet: true)
    }

    private static func lazyRefcounts(_ image: ImageFacts) -> Item {
        Item(
            topic: "lazy-refcounts", title: Text("Lazy reference counts", "延迟引用计数"),
            now: image.lazyRefcounts ? Text("on", "开") : Text("off", "关"),
            advice: Text(
                "on with cache=writethrough or directsync only, where each write waits for them",
                "仅在 cache=writethrough 或 directsync 时开启,此时每次写入都要等待引用计数"),
            tradeOff: Text(
                "After a crash all tables are read once to count anew, before the image may be written.",
                "崩溃后,在映像可写之前需读取所有表重新计数。"),
            commands: [
                "nearmetal image amend -f qcow2 -o compat=1.1,lazy_refcounts=\(image.lazyRefcounts ? "off" : "on") \(shellWord(image.path))"
            ], isMet: true)
    }

    private static func encryption(_ image: ImageFacts) -> Item {
        let isMet = image.encryption == .luks
        return Item(
            topic: "encryption", title: Text("Encryption", "加密"),
            now: Text(verbatim: image.encryption?.rawValue ?? ""),
            advice: isMet
                ? Text("LUKS; never together with compression", "LUKS;不要与压缩同时使用")
                : Text("LUKS: qcow2's own AES is not safe", "LUKS:qcow2 自带的 AES 不安全"),
            tradeOff: Text("Each sector is encrypted on its way to the disk.", "每个扇区写入磁盘时都要加密。"),
            commands: isMet ? [] : [copy(image, " -o encrypt.format=luks,encrypt.key-secret=new")], isMet: isMet)
    }

    private static func backing(_ image: ImageFacts) -> Item {
        let isMet = image.backingFormat != nil
        return Item(
            topic: "backing-format", title: Text("Backing file", "后备文件"),
            now: Text(
                "\(image.backingFile ?? ""), declared as \(image.backingFormat ?? "nothing")",
                "\(image.backingFile ?? ""),声明为 \(image.backingFormat ?? "无")"),
            advice: isMet
                ? Text("its format declared, as it is", "已声明格式") : Text("its format declared", "声明其格式"),
            tradeOff: Text(
                "Without, QEMU goes by the content, which a guest may have written.", "否则 QEMU 按内容判断,而内容可能由客户机写入。"),
            commands: isMet
                ? []
                : [
                    "nearmetal image rebase -u -f qcow2 -b \(shellWord(image.backingFile ?? "")) -F FORMAT \(shellWord(image.path))"
                ], isMet: isMet)
    }
}
