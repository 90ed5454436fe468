/**
 * The settings that a box is set up with on its page: the form, what was found wrong with it, and what became of what was applied. Shapes
 * only: page, server and whoever applies them share these. What is not in the form stays in the settings file as it is.
 */

export interface SetUpForm {
  readonly site: string;
  /** Of the network; empty: by serial number. */
  readonly hostName: string;
  /** Name or MAC address; empty: by the rule. */
  readonly managementPort: string;
  /** The same; none: by the rule. Of a program among others: the interfaces that are metered. */
  readonly mirrorPorts: readonly string[];
  readonly ipv4: 'dhcp' | 'static' | 'off';
  readonly ipv6: 'auto' | 'static' | 'off';
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly dnsServers: readonly string[];
  /** 0: untagged. */
  readonly vlan: number;
  readonly timeServers: readonly { readonly host: string; readonly nts: boolean }[];
  readonly collector: {
    /** Empty: none. */
    readonly host: string;
    readonly port: number;
    readonly transport: 'udp' | 'tcp' | 'tls';
    /** Certificates (PEM) that sign the collector's; empty: as it is. */
    readonly ca: string;
  };
  readonly broker: {
    /** Empty: none. */
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
    readonly username: string;
    /** Empty: as it is, where the host is the same. */
    readonly password: string;
    readonly ca: string;
  };
  /** Empty: none are fetched. */
  readonly updateFolder: string;
}

/** `collector.host`, or the name of a whole part; empty: of no field. */
export type SetUpField =
  | keyof SetUpForm
  | `collector.${keyof SetUpForm['collector']}`
  | `broker.${keyof SetUpForm['broker']}`
  | '';

export interface SetUpFault {
  readonly field: SetUpField;
  /** Of a list: which of its entries; −1 for the list as a whole. */
  readonly index: number;
  /** What is wrong and what is allowed. */
  readonly message: string;
}

export interface SetUpChange {
  readonly path: string;
  /** Without secrets. */
  readonly before: string;
  readonly after: string;
}

/** What the form would make of the settings. */
export interface SetUpCheck {
  readonly faults: readonly SetUpFault[];
  readonly changes: readonly SetUpChange[];
  /** YAML of the parts that the form is about, without secrets. */
  readonly preview: string;
}

export interface FoundPort {
  readonly name: string;
  readonly mac: string;
  /** Kernel's driver, such as `bcmgenet` or `r8152`; empty when nobody tells. */
  readonly driver: string;
  /** `platform` and `pci` are built in. */
  readonly bus: 'platform' | 'pci' | 'usb' | 'other';
  readonly wireless: boolean;
  /** Null while there is no link. */
  readonly speedMbps: number | null;
  readonly carrier: boolean;
}

/** `kept`: in force for good. `undone`: nobody reached the page in time, or somebody went back. */
export type SetUpOutcome = 'refused' | 'failed' | 'kept' | 'undone';

export interface SetUpFacts extends SetUpState {
  /** Whether somebody is there who applies settings; else the file is for an editor. */
  readonly canApply: boolean;
  /** The settings file; empty: the program was started without one. */
  readonly file: string;
  /** Nobody has given settings yet. */
  readonly isNew: boolean;
  readonly form: SetUpForm;
  /** A password of the broker is set, which nobody is shown. */
  readonly hasBrokerPassword: boolean;
  /** Why the file cannot be read, in words; the form then begins anew. */
  readonly fileFault: string;
  readonly ports: readonly FoundPort[];
  /** What the rule chooses, and why, a line each. */
  readonly suggested: { readonly management: string; readonly mirror: readonly string[]; readonly why: readonly string[] };
  /** Of the file that the form is about: what is applied names it, so that nobody overwrites what they have not seen. */
  readonly revision: string;
}

/** What is under way, and what became of it. */
export interface SetUpState {
  /** Being applied now. */
  readonly isApplying: boolean;
  /** In force, and gone back from unless somebody reaches the page within `leftMs`. */
  readonly trial: { readonly who: string; readonly leftMs: number } | null;
  /** What became of the last. */
  readonly last: { readonly id: string; readonly outcome: SetUpOutcome; readonly reasons: readonly string[] } | null;
}

/** Where the settings lie, and who applies others. */
export interface SetUpPlace {
  /** Settings file; empty for none. */
  readonly file: string;
  /** The service's, for requests, and root's, for what became of them; absent where nobody would answer. */
  readonly folders: { readonly folder: string; readonly told: string } | undefined;
}

/** Settings that change how the box is reached are gone back from after this, unless somebody reaches the page. */
export const trialS = 600;
/** Of a text or a file that comes with the form. */
export const setUpOctetsMax = 256 * 1024;
