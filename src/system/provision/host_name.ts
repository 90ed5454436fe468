/** What a box is called where nobody gave it a name: by its serial number, else by a MAC address, the same at every boot. Pure. */
import type { PortFacts } from './port_plan.ts';

/** `flowspan-3F2A`: the last four letters or digits of what tells boxes apart. */
export function hostNameOf(given: string, serial: string | undefined, ports: readonly Pick<PortFacts, 'mac' | 'bus'>[]): string {
  if (given !== '') return given;
  const mark = markOf(serial ?? '') || markOf(firstMac(ports));
  return mark === '' ? 'flowspan' : `flowspan-${mark}`;
}

/** Of boards whose maker left the number out there are words, or nothing but zeros. */
function markOf(text: string): string {
  const plain = text.toUpperCase().replaceAll(/[^0-9A-Z]/g, '');
  if (plain.length < 4 || /^0+$/.test(plain) || /SERIAL|FILLED|DEFAULT|NONE|SPECIFIED|INVALID/.test(plain)) return '';
  return plain.slice(-4);
}

/** A built-in port's before an adapter's, which may be another tomorrow. */
function firstMac(ports: readonly Pick<PortFacts, 'mac' | 'bus'>[]): string {
  const rank = ({ bus }: Pick<PortFacts, 'bus'>): number => (bus === 'usb' || bus === 'other' ? 1 : 0);
  return [...ports].sort((a, b) => rank(a) - rank(b) || (a.mac < b.mac ? -1 : 1))[0]?.mac ?? '';
}
