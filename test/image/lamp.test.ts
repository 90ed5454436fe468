/** The lamp and the button of a Raspberry Pi: the image's scripts, with files in place of the kernel's. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

let box: string;
let running: ChildProcess | undefined;
const at = (path: string): string => join(box, path);
const put = (path: string, text = ''): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
};
const says = (path: string): string => (existsSync(at(path)) ? readFileSync(at(path), 'utf8').trim() : '');
function program(name: string, text: string): void {
  put(`bin/${name}`, `#!/bin/sh\n${text}\n`);
  chmodSync(at(`bin/${name}`), 0o755);
}
function script(name: string): string {
  const path = fileURLToPath(new URL(`../../image/system/usr/lib/flowspan-box/${name}`, import.meta.url));
  put(name, readFileSync(path, 'utf8').replaceAll(/(?<=[ =>])\/(?=(sys|run|efi)\b)/g, `${box}/`));
  return at(name);
}
const env = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: `${at('bin')}:${process.env.PATH}` });

beforeEach(() => {
  box = mkdtempSync(join(tmpdir(), 'lamp-'));
  program('modprobe', `echo "$*" >>'${at('modules')}'`);
});
afterEach(async () => {
  if (running !== undefined && running.exitCode === null) {
    const ended = new Promise((resolve) => running!.once('close', resolve));
    running.kill('SIGKILL');
    await ended;
  }
  running = undefined;
  rmSync(box, { recursive: true });
});

describe('the lamp', () => {
  test('follows the word of the service, takes no other for one, and goes out at the end', async () => {
    put('sys/class/leds/ACT/trigger', 'heartbeat');
    program('sleep', 'exec /bin/sleep 0.02');
    running = spawn('sh', [script('lamp')], { env: env(), stdio: 'ignore' });
    const lamp = (): string =>
      says('sys/class/leds/ACT/trigger') === 'timer'
        ? `${says('sys/class/leds/ACT/delay_on')} ${says('sys/class/leds/ACT/delay_off')}`
        : `${says('sys/class/leds/ACT/trigger')} ${says('sys/class/leds/ACT/brightness')}`;
    const shows = (expected: string): Promise<void> => vi.waitFor(() => expect(lamp()).toBe(expected), { timeout: 20_000 });
    await shows('50 1950');
    expect(says('modules')).toBe('ledtrig-timer');
    for (const [word, expected] of [
      ['meters', 'none 1'],
      ['attention', '1500 500'],
      ['idle', '500 1500'],
      ['fault', '100 100'],
      ['meters; reboot', '50 1950'],
      ['meters', 'none 1'],
    ] as const) {
      put('run/flowspan-lamp/state', `${word}\n`);
      await shows(expected);
    }
    rmSync(at('run/flowspan-lamp'), { recursive: true });
    await shows('50 1950');
    running.kill('SIGTERM');
    await shows('none 0');
    await vi.waitFor(() => expect(running!.exitCode).toBe(0), { timeout: 20_000 });
  });

  test('is no concern of a machine that has none', () => {
    expect(spawnSync('sh', [script('lamp')], { env: env() }).status).toBe(0);
    expect(says('modules')).toBe('');
  });
});

describe('the reset button', () => {
  const pin = 'sys/class/gpio/gpio517';
  /** Each wait of half a second counts; the button is let go after so many of them. */
  function press(forHalves: number): { said: string; resets: boolean; unexported: string } {
    put('sys/class/gpio/gpiochip512/label', 'pinctrl-bcm2711\n');
    put('sys/class/gpio/gpiochip512/base', '512\n');
    put('sys/class/gpio/gpiochip570/label', 'raspberrypi-exp-gpio\n');
    put('sys/class/gpio/gpiochip570/base', '570\n');
    put(`${pin}/value`, forHalves > 0 ? '0\n' : '1\n');
    put('efi/README.txt');
    put('waits', '0\n');
    const [waits, value] = [at('waits'), at(`${pin}/value`)];
    program('sleep', `read -r n <'${waits}'; n=$((n + 1)); echo $n >'${waits}'; [ $n -lt ${forHalves} ] || echo 1 >'${value}'`);
    program('sync', 'true');
    const { stdout, status } = spawnSync('sh', [script('reset_button')], { env: env(), encoding: 'utf8' });
    expect(status).toBe(0);
    expect(says('sys/class/gpio/export')).toBe('517');
    return { said: stdout, resets: existsSync(at('efi/factory-reset')), unexported: says('sys/class/gpio/unexport') };
  }

  test.each(['ACT', 'led0'])('held for five seconds and let go asks for a factory reset; %s is lit meanwhile', (lamp) => {
    put(`sys/class/leds/${lamp}/trigger`, 'heartbeat');
    expect(press(12)).toEqual({
      said: expect.stringMatching(/let it go[\s\S]*factory reset, by the button/),
      resets: true,
      unexported: '517',
    });
    expect([says(`${pin}/direction`), says(`sys/class/leds/${lamp}/brightness`)]).toEqual(['in', '1']);
  });

  test.each([
    ['not pressed', 0, /^$/],
    ['let go early', 6, /^$/],
    ['never let go, which no finger does', 1_000, /not let go within 30 s: nothing is reset/],
  ])('%s: nothing is reset', (_, halves, said) => {
    const told = press(halves);
    expect([told.resets, told.unexported]).toEqual([false, '517']);
    expect(told.said).toMatch(said);
  });

  test('is not looked for on a machine without its pins', () => {
    const { status, stdout } = spawnSync('sh', [script('reset_button')], { env: env(), encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });
});
