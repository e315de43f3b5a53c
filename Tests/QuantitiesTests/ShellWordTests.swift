import Quantities
import Testing

@Suite struct ShellWordTests {
    @Test func quotesOnlyWhatAShellWouldRead() {
        #expect("web1".shellWord == "web1")
        #expect("/var/lib/libvirt/images/a-1_b.qcow2".shellWord == "/var/lib/libvirt/images/a-1_b.qcow2")
        #expect("客户机".shellWord == "客户机")
        #expect("".shellWord == "''")
        #expect("my guest".shellWord == "'my guest'")
        #expect("a;rm -rf ~".shellWord == "'a;rm -rf ~'")
        #expect("it's".shellWord == "'it'\\''s'")
        #expect("a\nb".shellWord == "'a\nb'")
        #expect("$(id)`id`".shellWord == "'$(id)`id`'")
    }
}
