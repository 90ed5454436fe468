/** Names that are answered, where the page listens on loopback and where it is open to a network. */
import { describe, expect, it } from 'vitest';
import { hostAllowed, isLoopback } from '../../src/status/request_rules.ts';

const names = ['fs-17', 'fs-17.local', 'flows.branch.example'];

describe('hostAllowed', () => {
  it.each(['0.0.0.0', '::', '10.20.0.5'])(
    'lets addresses and own names through when bound to %s, foreign names never',
    (boundAddress) => {
      const rule = { boundAddress, names };
      for (const host of ['10.20.0.5:8480', '[fd00::1]:8480', 'localhost', 'FS-17.local.', 'flows.branch.example:80']) {
        expect(hostAllowed(host, rule), host).toBe(true);
      }
      for (const host of ['evil.example', 'fs-17.evil.example', 'fs-17.local:80:90', '10.20.0.5.evil', '', undefined]) {
        expect(hostAllowed(host, rule), host).toBe(false);
      }
    },
  );

  it('lets only loopback addresses through when bound to loopback', () => {
    const rule = { boundAddress: '::1', names };
    expect(hostAllowed('127.0.0.1:8480', rule)).toBe(true);
    expect(hostAllowed('[::1]', rule)).toBe(true);
    expect(hostAllowed('10.20.0.5', rule)).toBe(false);
    expect(hostAllowed('[::ffff:10.20.0.5]', rule)).toBe(false);
  });
});

describe('isLoopback', () => {
  it('is not fooled by names that look like addresses', () => {
    expect(['localhost', '127.0.0.1', '127.255.0.3', '::1'].every(isLoopback)).toBe(true);
    expect(['127.0.0.1.evil.example', '127.evil', '128.0.0.1', '0.0.0.0', '::', ''].some(isLoopback)).toBe(false);
  });
});
