/** Messages of one exporter in whatever it speaks: NetFlow 5, NetFlow 9 or IPFIX, told by the version. */
import { ByteReader, malformed } from '../../ipfix/decode/byte_reader.ts';
import type { DecodedMessage } from '../../ipfix/decode/decoded.ts';
import { IpfixDecoder } from '../../ipfix/decode/ipfix_decoder.ts';
import { decodeNetflow5 } from './netflow5_decoder.ts';
import { Netflow9Decoder } from './netflow9_decoder.ts';

export class ExportDecoder {
  readonly #ipfix: IpfixDecoder;
  readonly #netflow9 = new Netflow9Decoder();

  /** @param privatePen whose elements are the registry's private ones; 0 for none */
  constructor(privatePen = 0) {
    this.#ipfix = new IpfixDecoder(privatePen);
  }

  /** @param bytes exactly one message. Throws `messageMalformed` */
  decode(bytes: Uint8Array): DecodedMessage {
    const version = new ByteReader(bytes).u16();
    switch (version) {
      case 5:
        return decodeNetflow5(bytes);
      case 9:
        return this.#netflow9.decode(bytes);
      case 10:
        return this.#ipfix.decode(bytes);
      default:
        throw malformed(`version ${version}: 5 and 9 are NetFlow’s, 10 is IPFIX’s`, 0);
    }
  }
}
