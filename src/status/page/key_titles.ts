/** Keys of the history and of flow sums as people read them. Pure. */
import { unlabelledKey } from '../../flow/labels.ts';
import { nowhereKey } from '../../flow/places.ts';
import { applicationName } from '../../flow/services.ts';

/** As the protocols call themselves; others in capitals. */
const protocolTitles: Readonly<Record<string, string>> = {
  icmpv6: 'ICMPv6',
  udplite: 'UDP-Lite',
  'ethernet-control': 'Ethernet control',
  'slow-protocols': 'Slow protocols',
  loopback: 'Loopback',
};
const protocolTitle = (name: string): string =>
  protocolTitles[name] ?? (/^(proto|ethertype)-/.test(name) ? name : name.toUpperCase());

const vlanTitle = (key: string): string => (key === 'none' ? 'Untagged' : `VLAN ${key}`);

const regions = new Intl.DisplayNames([], { type: 'region', fallback: 'code' });

function countryTitle(code: string): string {
  if (code === nowhereKey) return 'Inside, or not known';
  const name = regions.of(code);
  return name === undefined || name === code ? code : `${name} (${code})`;
}

/** One line for a key of any breakdown. */
export function keyTitle(by: string, key: string): string {
  if (key === '(other)') return 'All others';
  switch (by) {
    case 'conversation':
      return key.replace(' ', ' ⇄ ');
    case 'application':
      return applicationTitle(key);
    case 'service': {
      const [host = '', application = ''] = key.split(' ');
      return `${host} ${applicationTitle(application)}`;
    }
    case 'protocol':
      return protocolTitle(key);
    case 'vlan':
      return vlanTitle(key);
    case 'country':
      return countryTitle(key);
    case 'as':
      return key === nowhereKey ? 'Inside, or not known' : key;
    default:
      return key === unlabelledKey ? 'Without a label' : key;
  }
}

/** `https tcp/443`, or the key alone where it has no other name. */
function applicationTitle(key: string): string {
  const known = applicationName(key);
  return known === key ? key : `${known} (${key})`;
}
