/** What a host is called, beside its address and never in its place: names are hearsay. */
import type { AnswerAboutHosts, HostName, NameSource } from '../../../flow/host_names.ts';
import { dayAndTime } from '../format.ts';

const sources: Readonly<Record<NameSource, string>> = {
  dhcp: 'its lease (DHCP)',
  mdns: 'its own announcement (mDNS)',
  tls: 'what clients asked for (TLS)',
  dns: 'what clients asked for (DNS)',
  ptr: 'a reverse look-up (DNS)',
};

export const nameWords = (address: string, { name, source, learnedMs }: HostName): string =>
  `${address} is ${name}: from ${sources[source]}, heard ${dayAndTime(learnedMs)}`;

/** `10.0.0.40, laptop-9`, for where there is text only. */
export function withName(address: string, { names, vendors }: AnswerAboutHosts): string {
  const known = names?.[address]?.name ?? vendors?.[address];
  return known === undefined ? address : `${address}, ${known}`;
}

/** The names of the addresses in a key of a breakdown, of a MAC its vendor; nothing where none is known. */
export function NamesOfKey({ text, about: { names, vendors } }: { text: string; about: AnswerAboutHosts }) {
  const known = text.split(' ').flatMap((word) => {
    const name = names?.[word];
    if (name !== undefined) return [{ name: name.name, words: nameWords(word, name) }];
    const vendor = vendors?.[word];
    return vendor === undefined ? [] : [{ name: vendor, words: `${word} is a network card of ${vendor}` }];
  });
  if (known.length === 0) return null;
  return (
    <span class="host-name" title={known.map(({ words }) => words).join('\n')}>
      {known.map(({ name }) => name).join(' ⇄ ')}
    </span>
  );
}
