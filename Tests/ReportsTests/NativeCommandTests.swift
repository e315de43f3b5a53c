import DomainXML
import Quantities
import Reports
import Testing

/// Command lines of libvirt's, and displays.
@Suite struct NativeCommandTests {
    @Test func linesAreTakenApartAndPutTogether() throws {
        let line =
            "LC_ALL=C HOME='/a b' /usr/bin/qemu-system-x86_64 -name 'guest=it'\\''s' -S -append 'console=ttyS0 -v' -m 256"
        let command = try NativeCommand(line)
        #expect(command.environment.map(\.name) == ["LC_ALL", "HOME"])
        #expect(command.environment.last?.value == "/a b")
        #expect(command.arguments.first == "/usr/bin/qemu-system-x86_64" && command.arguments.count == 8)
        #expect(String(decoding: command.text(isPretty: false), as: UTF8.self) == line + "\n")
        let pretty = String(decoding: command.text(isPretty: true), as: UTF8.self)
        #expect(
            pretty.split(separator: "\n").count == 7 && pretty.contains("\\\n-S \\\n-append 'console=ttyS0 -v' \\\n"))
        #expect(try NativeCommand(pretty).arguments == command.arguments)
    }

    @Test(arguments: [
        ("qemu -S", "cont"),
        ("qemu -object '{\"qom-type\":\"secret\",\"id\":\"m\",\"file\":\"/run/x/k.aes\"}'", "/run/x/k.aes"),
        ("qemu -object secret,id=s,data=abc", "passphrase"), ("qemu -vnc 127.0.0.1:0,password=on", "password"),
        ("qemu -chardev socket,id=m,path=/run/x/m.sock,server=on,wait=off", "have to be there: /run/x"),
        ("qemu -chardev socket,id=f,path=/run/x/fs.sock", "has to listen"),
        (
            "qemu -netdev '{\"type\":\"tap\",\"fd\":\"5\",\"id\":\"hostnet0\"}'",
            "hostnet0: libvirt hands it open as descriptor 5"
        ),
        ("qemu -netdev tap,fds=3:4,id=n", "descriptor 3:4"),
    ])
    func whatHasToBeThereIsSaid(_ line: String, _ what: String) throws {
        let notes = try NativeCommand(line).notes.map(\.english)
        #expect(notes.contains { $0.contains(what) }, "\(notes)")
    }

    @Test func nothingIsSaidWithoutNeed() throws {
        #expect(try NativeCommand("/usr/bin/qemu -m 256 -append -S,x -nodefaults -blockdev '{' -object").notes.isEmpty)
        #expect(try NativeCommand("").arguments.isEmpty)
        #expect(throws: ShellWords.Problem.self) { try NativeCommand("qemu 'a") }
    }

    @Test(
        arguments: [
            ("<graphics type='vnc' port='5901' passwd='geheim'/>", nil, "vnc://localhost:1"),
            (
                "<graphics type='vnc' port='5900'><listen type='address' address='0.0.0.0'/></graphics>", "h1",
                "vnc://h1:0"
            ),
            (
                "<graphics type='spice' port='5910' tlsPort='5911' listen='::2'/>", nil,
                "spice://[::2]:5910?tls-port=5911"
            ),
            ("<graphics type='spice' tlsPort='5911' listen='10.0.0.1'/>", nil, "spice://10.0.0.1:?tls-port=5911"),
            (
                "<graphics type='vnc'><listen type='socket' socket='/run/v.sock'/></graphics>", nil,
                "vnc+unix:///run/v.sock"
            ),
            ("<graphics type='vnc' port='-1' autoport='yes'/>", nil, ""), ("<graphics type='sdl'/>", nil, ""),
            ("<graphics type='vnc' port='99999999999999999999'/>", nil, ""), ("", nil, ""),
        ] as [(String, String?, String)])
    func displays(_ graphics: String, _ host: String?, _ uri: String) throws {
        let document = try XMLDocument(
            Array("<domain><devices>\(graphics)</devices></domain>".utf8), path: "a")
        #expect(GuestDisplay.of(document.root, host: host).map(\.uri) == (uri.isEmpty ? [] : [uri]))
    }
}
