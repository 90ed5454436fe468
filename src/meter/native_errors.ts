/** The addon's error codes as errors of the appliance, from a thrown Error or from the words of a running source. Pure. */
import { ApplianceError, type ErrorCode, messageOf, systemCode } from '../core/errors.ts';

/** Codes of `native/source/failure.h`; see `open` in `addon.ts`. */
const codes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'captureUnreadable',
  EACCES: 'captureUnreadable',
  EIO: 'captureUnreadable',
  EBADCAPTURE: 'captureDamaged',
  ELINKTYPE: 'linkTypeUnsupported',
  EBADFILTER: 'filterInvalid',
  ENODEV: 'interfaceMissing',
  ENETDOWN: 'interfaceDown',
  EPERM: 'capabilityMissing',
  ENOMEM: 'outOfMemory',
  EINVAL: 'settingsInvalid',
};

/** What the addon threw; an error without a code of ours is a bug and comes back as it is. */
export function errorOfNative(error: unknown): unknown {
  const code = codes[systemCode(error) ?? ''];
  return code === undefined ? error : new ApplianceError(code, wordsOf(messageOf(error)), { cause: error });
}

/** `sourceError` of the meter's statistics (`CODE: words`), or undefined when it is empty. */
export function errorOfSource(sourceError: string): ApplianceError | undefined {
  if (sourceError === '') return undefined;
  const code = sourceError.slice(0, sourceError.indexOf(':'));
  return new ApplianceError(codes[code] ?? 'captureUnreadable', wordsOf(sourceError));
}

function wordsOf(message: string): string {
  return message.replace(/^E[A-Z]+: /, '');
}
