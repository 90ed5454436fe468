/**
 * Puts text on the clipboard. Browsers offer the modern way only on loopback and over TLS; a box on a LAN is often reached
 * without, so the old way, by selecting, is the second try.
 */

/** False when the browser lets nobody copy; the text can still be selected by hand. */
export async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Refused by a policy or for want of focus: the old way may still work.
    }
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'said';
  area.readOnly = true;
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return done;
}
