import CLibvirt
import Testing

@testable import Libvirt

/// What the product looks up by name is what libvirt's headers declare.
///
/// The tests are linked with libvirt, the product is not. Passing a declared function beside the member of `Library` compiles only if both have one
/// type; and the linker's address of it is the one that was looked up only if the name was right.
@Suite struct FunctionsTests {
    private let library: Library

    init() throws { library = try Library.shared.get() }

    @Test func typesAndNamesAreTheHeaders() throws {
        var checked = Set<String>()
        func same<Function>(
            _ member: KeyPath<Library, Function>, _ declared: Function, _ name: String,
            at place: SourceLocation = #_sourceLocation
        ) {
            let own = unsafeBitCast(library[keyPath: member], to: UInt.self)
            #expect(own == unsafeBitCast(declared, to: UInt.self), "\(name)", sourceLocation: place)
            #expect(checked.insert(name).inserted, "\(name) is named twice", sourceLocation: place)
        }
        same(\.initialize, virInitialize, "virInitialize")
        same(\.setErrorFunc, virSetErrorFunc, "virSetErrorFunc")
        same(\.lastError, virGetLastError, "virGetLastError")
        same(\.registerDefaultLoop, virEventRegisterDefaultImpl, "virEventRegisterDefaultImpl")
        same(\.runDefaultLoop, virEventRunDefaultImpl, "virEventRunDefaultImpl")
        same(\.open, virConnectOpen, "virConnectOpen")
        same(\.openReadOnly, virConnectOpenReadOnly, "virConnectOpenReadOnly")
        same(\.close, virConnectClose, "virConnectClose")
        same(\.uri, virConnectGetURI, "virConnectGetURI")
        same(\.type, virConnectGetType, "virConnectGetType")
        same(\.version, virConnectGetVersion, "virConnectGetVersion")
        same(\.libVersion, virConnectGetLibVersion, "virConnectGetLibVersion")
        same(\.capabilities, virConnectGetCapabilities, "virConnectGetCapabilities")
        same(\.domainCapabilities, virConnectGetDomainCapabilities, "virConnectGetDomainCapabilities")
        same(\.listAllDomains, virConnectListAllDomains, "virConnectListAllDomains")
        same(\.allDomainStats, virConnectGetAllDomainStats, "virConnectGetAllDomainStats")
        same(\.statsFree, virDomainStatsRecordListFree, "virDomainStatsRecordListFree")
        same(\.lookupByName, virDomainLookupByName, "virDomainLookupByName")
        same(\.domainFree, virDomainFree, "virDomainFree")
        same(\.domainName, virDomainGetName, "virDomainGetName")
        same(\.domainXML, virDomainGetXMLDesc, "virDomainGetXMLDesc")
        same(\.defineXML, virDomainDefineXMLFlags, "virDomainDefineXMLFlags")
        same(\.undefine, virDomainUndefineFlags, "virDomainUndefineFlags")
        same(\.shutdown, virDomainShutdownFlags, "virDomainShutdownFlags")
        same(\.create, virDomainCreateWithFlags, "virDomainCreateWithFlags")
        same(\.destroy, virDomainDestroyFlags, "virDomainDestroyFlags")
        same(\.vcpuCount, virDomainGetVcpusFlags, "virDomainGetVcpusFlags")
        same(\.setVCPUs, virDomainSetVcpusFlags, "virDomainSetVcpusFlags")
        same(\.domainInfo, virDomainGetInfo, "virDomainGetInfo")
        same(\.setMemory, virDomainSetMemoryFlags, "virDomainSetMemoryFlags")
        same(\.vcpuPins, virDomainGetVcpuPinInfo, "virDomainGetVcpuPinInfo")
        same(\.pinVCPU, virDomainPinVcpuFlags, "virDomainPinVcpuFlags")
        same(\.emulatorPin, virDomainGetEmulatorPinInfo, "virDomainGetEmulatorPinInfo")
        same(\.pinEmulator, virDomainPinEmulator, "virDomainPinEmulator")
        same(\.iothreads, virDomainGetIOThreadInfo, "virDomainGetIOThreadInfo")
        same(\.iothreadFree, virDomainIOThreadInfoFree, "virDomainIOThreadInfoFree")
        same(\.pinIOThread, virDomainPinIOThread, "virDomainPinIOThread")
        same(\.numaParameters, virDomainGetNumaParameters, "virDomainGetNumaParameters")
        same(\.setNUMAParameters, virDomainSetNumaParameters, "virDomainSetNumaParameters")
        same(\.addText, virTypedParamsAddString, "virTypedParamsAddString")
        same(\.memoryParameters, virDomainGetMemoryParameters, "virDomainGetMemoryParameters")
        same(\.setMemoryParameters, virDomainSetMemoryParameters, "virDomainSetMemoryParameters")
        same(\.addNumber, virTypedParamsAddULLong, "virTypedParamsAddULLong")
        same(\.baselineCPU, virConnectBaselineCPU, "virConnectBaselineCPU")
        same(\.domainToNative, virConnectDomainXMLToNative, "virConnectDomainXMLToNative")
        same(\.setAutostart, virDomainSetAutostart, "virDomainSetAutostart")
        same(\.attachDevice, virDomainAttachDeviceFlags, "virDomainAttachDeviceFlags")
        same(\.updateDevice, virDomainUpdateDeviceFlags, "virDomainUpdateDeviceFlags")
        same(\.detachDevice, virDomainDetachDeviceFlags, "virDomainDetachDeviceFlags")
        same(\.freeParameters, virTypedParamsFree, "virTypedParamsFree")
        same(\.clearParameters, virTypedParamsClear, "virTypedParamsClear")
        same(\.domainState, virDomainGetState, "virDomainGetState")
        same(\.domainAutostart, virDomainGetAutostart, "virDomainGetAutostart")
        same(\.domainIsPersistent, virDomainIsPersistent, "virDomainIsPersistent")
        same(\.domainIsActive, virDomainIsActive, "virDomainIsActive")
        same(\.domainMessages, virDomainGetMessages, "virDomainGetMessages")
        // A member that nobody compared above makes the counts differ.
        #expect(checked.count == Mirror(reflecting: library).children.count)
    }

    @Test func agentCommandIsTheHeaders() throws {
        func same<Function>(_ own: Function, _ declared: Function) {
            #expect(unsafeBitCast(own, to: UInt.self) == unsafeBitCast(declared, to: UInt.self))
        }
        same(try QEMULibrary.shared.get().agentCommand, virDomainQemuAgentCommand)
    }

    /// libvirt's own version of the header is not newer than the library: the constants of the header mean the same in it.
    @Test func libraryIsNotOlderThanTheHeader() throws {
        var version: UInt = 0
        #expect(virGetVersion(&version, nil, nil) == 0)
        #expect(version >= UInt(LIBVIR_VERSION_NUMBER))
    }
}
