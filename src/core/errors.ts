/**
 * Operating errors: one class, one closed list of codes. A bug is an ordinary throw; odd traffic is an enum and a counter
 * (DESIGN section 10). Nobody recognises an error by its text.
 */

/** Every operating error there is. `retryable` says whether trying again without a change of settings can help. */
export const errorCodes = {
  // Settings and usage
  settingsUnreadable: { retryable: false },
  settingsInvalid: { retryable: false },
  usage: { retryable: false },
  // The addon and capture
  addonMissing: { retryable: false },
  addonMismatch: { retryable: false },
  captureUnreadable: { retryable: false },
  captureDamaged: { retryable: false },
  linkTypeUnsupported: { retryable: false },
  filterInvalid: { retryable: false },
  interfaceMissing: { retryable: true },
  interfaceDown: { retryable: true },
  capabilityMissing: { retryable: false },
  outOfMemory: { retryable: false },
  // Stores
  storeLocked: { retryable: true },
  storeDamaged: { retryable: false },
  storeFull: { retryable: true },
  storeUnwritable: { retryable: true },
  storeClosed: { retryable: true },
  // The network
  addressInUse: { retryable: true },
  addressUnavailable: { retryable: true },
  connectRefused: { retryable: true },
  connectTimedOut: { retryable: true },
  connectionLost: { retryable: true },
  nameUnresolved: { retryable: true },
  networkUnreachable: { retryable: true },
  tlsFailed: { retryable: true },
  credentialsRefused: { retryable: true },
  publishRefused: { retryable: true },
  messageTooLong: { retryable: false },
  // Decoding what others sent
  messageMalformed: { retryable: false },
  // The box
  deadlineExceeded: { retryable: true },
  boxUnreachable: { retryable: true },
  certificateInvalid: { retryable: false },
  updateUnreachable: { retryable: true },
  updateDamaged: { retryable: true },
  updateRefused: { retryable: false },
  // Who may do what
  accountRefused: { retryable: false },
  accountsDamaged: { retryable: false },
} as const;
export type ErrorCode = keyof typeof errorCodes;

export interface ErrorContext {
  cause?: unknown;
  /** Structured fields for the log: never secrets. */
  fields?: Readonly<Record<string, unknown>>;
}

export class ApplianceError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? {} : { cause: context.cause });
    this.name = 'ApplianceError';
    this.code = code;
    this.retryable = errorCodes[code].retryable;
    this.fields = context.fields ?? {};
  }
}

/** The `code` of a system error (`ENOENT`, `EADDRINUSE`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Words for a person, with the cause when there is one. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause.message : '';
  // One often carries the other, bare or with a code before it: once is enough.
  return error.message.includes(cause) || cause.includes(error.message) ? error.message : `${error.message} (${cause})`;
}
