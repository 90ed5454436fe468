/**
 * The machines that QEMU makes of what it finds in a folder, none with help of this host's processor: a PC with UEFI, a board with U-Boot
 * and virtual devices, and a Raspberry Pi 3, whose card and USB ports are emulated as they are.
 */

export type BoardName = 'q35' | 'virt' | 'raspi3b';

export interface Board {
  readonly program: string;
  /** Files that lie beside the disk: of the tools by their path, or of the disk's boot partition by their name. */
  readonly beside: Readonly<Record<string, string>>;
  /** Processor, memory, firmware, and the disk. */
  readonly machine: (at: (name: string) => string) => string[];
  /** How ports are plugged in, by the name of QEMU's end of the cable. */
  readonly port: Readonly<Record<'management' | 'mirror', (cable: string) => string[]>>;
  /** Ports of a serial console, of which the last is the one that is read. */
  readonly serialBefore: readonly string[];
  /** How the watchdog on the board is kept from resetting: on a busy host a guest that gets no time looks dead. */
  readonly withoutWatchdog: readonly string[];
  /** What comes by PCI: chance, USB. */
  readonly hasPci: boolean;
  /** How much longer than a PC it takes here. */
  readonly patience: number;
}

const virtioPorts: Board['port'] = {
  management: (cable) => ['-device', `virtio-net-pci,netdev=${cable},mac=52:54:00:00:00:01,addr=0x10,romfile=`],
  mirror: (cable) => ['-device', `virtio-net-pci,netdev=${cable},mac=52:54:00:00:00:02,addr=0x11,romfile=`],
};
const virtioDisk = (at: (name: string) => string): string[] => [
  ...['-drive', `if=none,id=disk,format=raw,file=${at('disk.img')}`],
  ...['-device', 'virtio-blk-pci,drive=disk,bootindex=0'],
];
/**
 * With ICOUNT_SHIFT=n the processors take turns, and each instruction takes 2^n ns of the guest's time, however long this host needs for it: how long a
 * start takes is then a property of what is started.
 */
const { ICOUNT_SHIFT: shift } = process.env;
const tcg = shift === undefined ? ['-accel', 'tcg,thread=multi'] : ['-accel', 'tcg,thread=single', '-icount', `shift=${shift}`];

/**
 * As old as Node allows; with timers that do not stop while a processor idles (`arat`). Without, Linux wakes it from another one, and now and then
 * on a busy host that is lost: a processor whose timers never come again, and a start that does not go on.
 */
const pc = 'Nehalem,+arat';

export const boards: Readonly<Record<BoardName, Board>> = {
  q35: {
    program: 'qemu-system-x86_64',
    beside: { 'vars.fd': '/usr/share/OVMF/OVMF_VARS_4M.fd' },
    machine: (at) => [
      ...['-M', 'q35', ...tcg, '-cpu', pc, '-smp', '2', '-m', '1024'],
      ...['-drive', 'if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd'],
      ...['-drive', `if=pflash,format=raw,file=${at('vars.fd')}`],
      ...virtioDisk(at),
    ],
    port: virtioPorts,
    serialBefore: [],
    withoutWatchdog: ['-global', 'ICH9-LPC.noreboot=on'],
    hasPci: true,
    patience: 1,
  },
  // Without ACPI: U-Boot hands on the device tree, as on a board, and the power button is in the tables of one of both alone.
  virt: {
    program: 'qemu-system-aarch64',
    beside: {},
    machine: (at) => [
      ...['-M', 'virt,acpi=off', ...tcg, '-cpu', 'cortex-a72', '-smp', '2', '-m', '1024'],
      ...['-bios', '/usr/lib/u-boot/qemu_arm64/u-boot.bin'],
      ...virtioDisk(at),
    ],
    port: virtioPorts,
    serialBefore: [],
    withoutWatchdog: [],
    hasPci: true,
    patience: 3,
  },
  // Four processors and 1 GB, and what the board's own firmware would have done: U-Boot and the device tree in memory.
  raspi3b: {
    program: 'qemu-system-aarch64',
    beside: { 'u-boot.bin': 'u-boot.bin', 'board.dtb': 'bcm2837-rpi-3-b.dtb' },
    machine: (at) => [
      ...['-M', 'raspi3b', ...tcg, '-kernel', at('u-boot.bin'), '-dtb', at('board.dtb')],
      ...['-drive', `if=sd,format=raw,file=${at('disk.img')}`],
    ],
    // Its own is an adapter behind a USB hub, which QEMU has not; nor has it room for a second one.
    port: { management: (cable) => ['-device', `usb-net,netdev=${cable},mac=52:54:00:00:00:01`], mirror: () => [] },
    // The first is Bluetooth's.
    serialBefore: ['null'],
    withoutWatchdog: [],
    hasPci: false,
    patience: 6,
  },
};
