/**
 * uPlot in a box that follows its width and the theme, with a reading under the pointer. To a screen reader it is a slider
 * along time: `label` says what the chart shows, arrow keys move along it, and the reading of each point is said.
 */
import { type ComponentChild, type ComponentChildren, render } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { after } from '../browser_clock.ts';
import { digits, type Unit } from '../format.ts';
import { onThemeChange } from '../theme.ts';

export interface Palette {
  readonly text: string;
  readonly line: string;
  readonly flow: string;
  readonly in: string;
  readonly out: string;
  readonly hatch: string;
  readonly surface: string;
  readonly font: string;
}

function palette(element: Element): Palette {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    text: of('text-3'),
    line: of('line'),
    flow: of('flow'),
    in: of('in'),
    out: of('out'),
    hatch: of('hatch'),
    surface: of('surface'),
    font: `12px ${of('font')}`,
  };
}

export interface PlotProps {
  readonly label: string;
  readonly height: number;
  readonly data: uPlot.AlignedData;
  /** Options that follow the palette; called again when the theme or `optionsKey` changes. */
  readonly options: (palette: Palette) => Omit<uPlot.Options, 'width' | 'height'>;
  readonly optionsKey: string;
  /** What the reading says about one point; nothing for a gap without words. */
  readonly reading: (index: number) => ComponentChildren;
  /** A stretch was chosen by dragging, or by Enter at both of its ends; in the unit of the x axis. */
  readonly onSelect?: (from: number, to: number) => void;
}

const againMs = 2_000;
/** Fetched when the first chart has its place, and not ahead: figures stand, and answer, before it is drawn. */
let drawing: typeof uPlot | undefined;

export function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const { height, optionsKey } = props;

  // The options are made anew when their key says so.
  useEffect(() => {
    const element = box.current!;
    // Fetched where there are fingers alone: the first view is light.
    const readTouch = async (made: uPlot): Promise<void> => {
      const { followTouch } = await import('./plot_touch.ts');
      followTouch(made, () => latest.current.onSelect !== undefined);
    };
    const make = (): void => {
      if (drawing === undefined) return;
      plot.current?.destroy();
      const options = latest.current.options(palette(element));
      const tip = document.createElement('div');
      tip.className = 'tip';
      plot.current = new drawing(
        {
          ...options,
          width: element.clientWidth,
          height,
          legend: { show: false },
          padding: [10, 4, 0, 0],
          hooks: {
            ...options.hooks,
            setCursor: [(u) => showReading(u, tip, latest.current.reading)],
            setSelect: [(u) => tellSelection(u, latest.current.onSelect)],
          },
        },
        latest.current.data,
        element,
      );
      plot.current.over.append(tip);
      if (navigator.maxTouchPoints > 0) void readTouch(plot.current);
    };
    let isGone = false;
    const fetchAndMake = async (): Promise<void> => {
      try {
        drawing ??= (await import('uplot')).default;
      } catch {
        // The box is away for a moment; the header says so.
        if (!isGone) after(againMs, () => void fetchAndMake());
        return;
      }
      if (!isGone) make();
    };
    if (drawing === undefined) void fetchAndMake();
    else make();
    const sizes = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== plot.current?.width) plot.current?.setSize({ width, height });
    });
    sizes.observe(element);
    const off = onThemeChange(make);
    void document.fonts.ready.then(() => plot.current?.redraw(false, true));
    return () => {
      isGone = true;
      off();
      sizes.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [height, optionsKey]);

  useEffect(() => {
    const u = plot.current;
    if (u === undefined) return;
    const { left } = u.cursor;
    u.setData(props.data);
    // The reading follows the data under a pointer that stands still.
    if (left !== undefined && left >= 0) u.setCursor({ left, top: 1 });
  }, [props.data]);

  const markedAt = useRef<number | undefined>(undefined);
  const onKey = (event: KeyboardEvent): void => {
    const u = plot.current;
    if (u !== undefined && event.key === 'Enter' && props.onSelect !== undefined && typeof u.cursor.idx === 'number') {
      event.preventDefault();
      const x = u.data[0][u.cursor.idx]!;
      const other = markedAt.current;
      markedAt.current = other === undefined ? x : undefined;
      if (other !== undefined && other !== x) props.onSelect(Math.min(other, x), Math.max(other, x));
      return;
    }
    const far = Number.POSITIVE_INFINITY;
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30, Home: -far, End: far }[event.key];
    const last = (u?.data[0].length ?? 0) - 1;
    if (u === undefined || by === undefined || last < 0) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(last, (u.cursor.idx ?? last) + by));
    u.setCursor({ left: Math.round(u.valToPos(u.data[0][index]!, 'x')), top: 1 });
    // Only what keys asked for is said: a live chart must not speak every second.
    const said = box.current!.querySelector('.tip')?.textContent ?? '';
    box.current!.setAttribute('aria-valuenow', String(index));
    box.current!.setAttribute('aria-valuetext', said.replaceAll(/\s+/g, ' ').trim());
  };
  const onBlur = (): void => plot.current?.setCursor({ left: -10, top: -10 });
  const last = Math.max(0, props.data[0].length - 1);

  return (
    <div
      ref={box}
      class="plot"
      style={{ height: `${height}px` }}
      role="slider"
      aria-roledescription="chart"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={last}
      aria-valuetext="Arrow keys read it point by point"
      tabIndex={0}
      onKeyDown={onKey}
      onBlur={onBlur}
    />
  );
}

/** Shorter drags are clicks. */
const dragMinPx = 6;

function tellSelection(u: uPlot, onSelect: PlotProps['onSelect']): void {
  const { left, width } = u.select;
  if (onSelect === undefined || width < dragMinPx) return;
  onSelect(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

function showReading(u: uPlot, tip: HTMLElement, reading: PlotProps['reading']): void {
  const { idx, left = -1 } = u.cursor;
  const content = idx === null || idx === undefined || left < 0 ? null : reading(idx);
  tip.hidden = content === null || content === undefined;
  if (tip.hidden) return;
  render(content as ComponentChild, tip);
  const x = u.valToPos(u.data[0][idx!]!, 'x');
  const width = tip.offsetWidth;
  const room = u.over.clientWidth;
  tip.style.transform = `translateX(${Math.round(x + width + 14 > room ? Math.max(0, x - width - 12) : x + 12)}px)`;
}

/** Time axes and value axes look the same in every chart; the unit stands once, at the top. */
export function axes(colours: Palette, unit: () => Unit): uPlot.Axis[] {
  const shared = { stroke: colours.text, font: colours.font, ticks: { show: false } };
  return [
    { ...shared, grid: { show: false }, size: 26, gap: 6, space: 72, values: timeLabels },
    {
      ...shared,
      grid: { stroke: colours.line, width: 1 },
      size: (u) => (isNarrow(u) ? 44 : 78),
      gap: 6,
      space: 38,
      values: (u, splits) => splits.map((value) => valueLabel(value, unit(), value === splits.at(-1) && !isNarrow(u))),
    },
  ];
}

/** A phone has no room for the unit, which stands above every chart anyway. */
const isNarrow = (u: uPlot): boolean => u.width < 480;

function valueLabel(value: number, unit: Unit, isTop: boolean): string {
  if (value === 0) return '0';
  const label = digits(value, unit).replace(/\.0+$/, '');
  return isTop ? `${label} ${unit.name}` : label;
}

const minute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** Half a label's width: one that would be cut at the right edge is left out. */
const labelHalfPx = 18;

function timeLabels(u: uPlot, splits: number[]): string[] {
  const { min = 0, max = 0 } = u.scales.x as { min?: number; max?: number };
  const room = ((max - min) * labelHalfPx) / Math.max(1, u.bbox.width / devicePixelRatio);
  return splits.map((s) => {
    if (s > max - room) return '';
    const label = minute.format(s * 1_000);
    return label === '00:00' ? day.format(s * 1_000) : label;
  });
}

/** Time that was not metered, hatched: a gap is not silence. `ranges` in seconds. */
export function hatchedGaps(ranges: () => readonly (readonly [number, number])[], colour: string): uPlot.Plugin {
  return {
    hooks: {
      drawClear: (u) => {
        const { ctx, bbox } = u;
        ctx.save();
        ctx.beginPath();
        ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
        ctx.clip();
        ctx.strokeStyle = colour;
        ctx.lineWidth = devicePixelRatio;
        for (const [from, to] of ranges()) {
          const left = Math.max(bbox.left, u.valToPos(from, 'x', true));
          const right = Math.min(bbox.left + bbox.width, u.valToPos(to, 'x', true));
          if (right - left < 1) continue;
          ctx.save();
          ctx.beginPath();
          ctx.rect(left, bbox.top, right - left, bbox.height);
          ctx.clip();
          ctx.beginPath();
          const step = 7 * devicePixelRatio;
          for (let x = Math.floor((left - bbox.height) / step) * step; x < right; x += step) {
            ctx.moveTo(x, bbox.top + bbox.height);
            ctx.lineTo(x + bbox.height, bbox.top);
          }
          ctx.stroke();
          ctx.restore();
        }
        ctx.restore();
      },
    },
  };
}

/** A dashed line along the top of ranges that need a word beside them: estimates. `ranges` in seconds. */
export function markedRanges(ranges: () => readonly (readonly [number, number])[], colour: string): uPlot.Plugin {
  return {
    hooks: {
      draw: (u) => {
        const { ctx, bbox } = u;
        ctx.save();
        ctx.strokeStyle = colour;
        ctx.lineWidth = 3 * devicePixelRatio;
        ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
        for (const [from, to] of ranges()) {
          const left = Math.max(bbox.left, u.valToPos(from, 'x', true));
          const right = Math.min(bbox.left + bbox.width, u.valToPos(to, 'x', true));
          if (right <= left) continue;
          ctx.beginPath();
          ctx.moveTo(left, bbox.top + 2 * devicePixelRatio);
          ctx.lineTo(right, bbox.top + 2 * devicePixelRatio);
          ctx.stroke();
        }
        ctx.restore();
      },
    },
  };
}
