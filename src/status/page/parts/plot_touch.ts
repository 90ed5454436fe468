/**
 * Fingers on a plot, which uPlot does not know: one that moves sideways reads the points it comes over and, where stretches can be
 * chosen, chooses one; one that moves up or down scrolls the page (`touch-action: pan-y` in charts.css). Mice are uPlot's own.
 */
import type uPlot from 'uplot';

export function followTouch(u: uPlot, choosing: () => boolean): void {
  const { over } = u;
  let finger: { readonly id: number; readonly fromPx: number } | undefined;
  const leftOf = (event: PointerEvent): number => {
    const { left, width } = over.getBoundingClientRect();
    return Math.max(0, Math.min(width, event.clientX - left));
  };
  const show = (left: number, width: number, isChosen: boolean): void =>
    u.setSelect({ left, width, top: 0, height: over.clientHeight }, isChosen);
  // A second finger, and one that the page takes for scrolling, end it without a choice.
  const letGo = (): void => {
    if (finger !== undefined && choosing()) show(0, 0, false);
    finger = undefined;
  };

  over.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'touch') return;
    if (event.isPrimary) finger = { id: event.pointerId, fromPx: leftOf(event) };
    else letGo();
  });
  over.addEventListener('pointermove', (event) => {
    if (finger?.id !== event.pointerId) return;
    const atPx = leftOf(event);
    u.setCursor({ left: atPx, top: 1 });
    if (choosing()) show(Math.min(finger.fromPx, atPx), Math.abs(atPx - finger.fromPx), false);
  });
  over.addEventListener('pointerup', (event) => {
    if (finger?.id !== event.pointerId) return;
    const [fromPx, toPx] = [finger.fromPx, leftOf(event)];
    finger = undefined;
    if (choosing()) show(Math.min(fromPx, toPx), Math.abs(toPx - fromPx), true);
  });
  over.addEventListener('pointercancel', letGo);
}
