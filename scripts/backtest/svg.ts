/** How a value becomes a place on an axis. */
export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly log?: boolean;
  /** What is shown, with its unit. */
  readonly label: string;
  readonly format: (value: number) => string;
  /** Where labels stand; without it at round numbers. */
  readonly ticks?: readonly number[];
}

/** One thing that is drawn. With a title it has an entry in the legend. */
export type Layer = { readonly title?: string; readonly colour: string } & (
  | { readonly kind: "line"; readonly points: readonly Point[]; readonly dashed?: boolean }
  | { readonly kind: "dots"; readonly points: readonly Point[] }
  /** Filled between two values. */
  | { readonly kind: "band"; readonly bands: readonly Band[] }
  /** Upright bars from the axis. */
  | { readonly kind: "bars"; readonly bars: readonly Bar[] }
  /** Strokes in a strip below the plot, the first strip at the top. */
  | { readonly kind: "strip"; readonly at: readonly number[] }
);

export type Point = readonly [x: number, y: number];
export type Band = readonly [x: number, low: number, high: number];
export type Bar = readonly [from: number, to: number, y: number];

/** A chart: what it is called, its axes and what is in it. */
export interface Chart {
  readonly title: string;
  /** One sentence: what it shows. */
  readonly caption: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly layers: readonly Layer[];
  /** [pixels] */
  readonly width?: number;
  readonly height?: number;
}

const MARGIN = { left: 62, right: 26, top: 30, bottom: 46 };
const STRIP = 18;
const TICKS = 6;

/** The chart as an SVG element that needs nothing else. */
export function drawChart(chart: Chart): string {
  const { x, y, layers, width = 960, height = 300 } = chart;
  const strips = layers.filter(({ kind }) => kind === "strip");
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom - strips.length * STRIP;
  const placeX = scaleOf(x, [MARGIN.left, right]);
  const placeY = scaleOf(y, [bottom, MARGIN.top]);
  const drawn = layers.map((layer) =>
    layer.kind === "strip"
      ? drawStrip(layer, { placeX, top: bottom + 4 + strips.indexOf(layer) * STRIP })
      : drawLayer(layer, { placeX, placeY, bottom }),
  );
  const axisTop = bottom + strips.length * STRIP;
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(chart.title)}" ` +
      `xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12" fill="#333">`,
    ...ticksOf(y).map((value) => {
      const at = round(placeY(value));
      return (
        `<line x1="${MARGIN.left}" x2="${right}" y1="${at}" y2="${at}" stroke="#ddd"/>` +
        `<text x="${MARGIN.left - 6}" y="${at + 4}" text-anchor="end">${escape(y.format(value))}</text>`
      );
    }),
    ...ticksOf(x).map((value) => {
      const at = round(placeX(value));
      return (
        `<line x1="${at}" x2="${at}" y1="${MARGIN.top}" y2="${axisTop}" stroke="#eee"/>` +
        `<text x="${at}" y="${axisTop + 16}" text-anchor="middle">${escape(x.format(value))}</text>`
      );
    }),
    ...drawn,
    `<line x1="${MARGIN.left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="#888"/>`,
    `<text x="${(MARGIN.left + right) / 2}" y="${axisTop + 36}" text-anchor="middle">${escape(x.label)}</text>`,
    `<text transform="translate(14 ${round((MARGIN.top + bottom) / 2)}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`,
    legendOf(layers),
    "</svg>",
  ].join("\n");
}

/** Text that may stand in HTML and in its attributes. */
export function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/**
 * The lowest and highest value of each of so many equal stretches of a series, so that a drawing of a million points has
 * no more than it has columns and still shows every extreme.
 */
export function extremes(x: Float64Array, y: Float64Array, columns = 860): Band[] {
  const [from, to] = [x[0] ?? 0, x.at(-1) ?? 1];
  const bands: Band[] = [];
  let column = -1;
  let band: [number, number, number] = [0, Infinity, -Infinity];
  for (let i = 0; i < x.length; i++) {
    const [place, value] = [x[i] ?? 0, y[i] ?? 0];
    const here = Math.min(Math.floor(((place - from) / (to - from || 1)) * columns), columns - 1);
    if (here !== column) {
      column = here;
      band = [place, value, value];
      bands.push(band);
    }
    band[1] = Math.min(band[1], value);
    band[2] = Math.max(band[2], value);
  }
  return bands;
}

interface Places {
  readonly placeX: (value: number) => number;
  readonly placeY: (value: number) => number;
  readonly bottom: number;
}

function drawLayer(layer: Exclude<Layer, { kind: "strip" }>, places: Places): string {
  const { placeX, placeY, bottom } = places;
  const at = (x: number, y: number): string => `${round(placeX(x))},${round(placeY(y))}`;
  switch (layer.kind) {
    case "line": {
      const points = layer.points.map(([x, y]) => at(x, y)).join(" ");
      const dashes = layer.dashed === true ? ` stroke-dasharray="6 4"` : "";
      return `<polyline points="${points}" fill="none" stroke="${layer.colour}" stroke-width="1.6"${dashes}/>`;
    }
    case "dots":
      return layer.points
        .map(([x, y]) => {
          const [cx, cy] = at(x, y).split(",");
          return `<circle cx="${cx ?? 0}" cy="${cy ?? 0}" r="5" fill="${layer.colour}"/>`;
        })
        .join("");
    case "band": {
      const over = layer.bands.map(([x, , high]) => at(x, high));
      const under = layer.bands.map(([x, low]) => at(x, low)).reverse();
      return `<polygon points="${[...over, ...under].join(" ")}" fill="${layer.colour}" stroke="${layer.colour}" stroke-width="0.8" stroke-linejoin="round"/>`;
    }
    case "bars":
      return layer.bars
        .map(([from, to, y]) => {
          const top = round(placeY(y));
          const left = round(placeX(from));
          return `<rect x="${left}" y="${top}" width="${round(placeX(to) - left)}" height="${round(Math.max(bottom - top, 0))}" fill="${layer.colour}"/>`;
        })
        .join("");
  }
}

function drawStrip(
  layer: Extract<Layer, { kind: "strip" }>,
  { placeX, top }: { placeX: (value: number) => number; top: number },
): string {
  const strokes = layer.at.map((x) => `M${round(placeX(x))} ${top}v${STRIP - 6}`).join("");
  return `<path d="${strokes}" stroke="${layer.colour}" stroke-width="1" fill="none"/>`;
}

function legendOf(layers: readonly Layer[]): string {
  let left = MARGIN.left;
  return layers
    .map((layer) => {
      const { title, colour } = layer;
      if (title === undefined) return "";
      const dashed = layer.kind === "line" && layer.dashed === true;
      const mark = dashed
        ? `<path d="M${left} 14h4m4 0h4" stroke="${colour}" stroke-width="2"/>`
        : `<rect x="${left}" y="8" width="12" height="12" fill="${colour}"/>`;
      const entry = mark + `<text x="${left + 17}" y="18">${escape(title)}</text>`;
      left += 40 + Math.round(title.length * 6.3);
      return entry;
    })
    .join("");
}

function scaleOf(axis: Axis, [start, end]: [number, number]): (value: number) => number {
  const turn = (value: number): number => (axis.log === true ? Math.log(value) : value);
  const [from, to] = [turn(axis.from), turn(axis.to)];
  return (value) => {
    const inside = Math.min(Math.max(value, axis.from), axis.to);
    return start + ((turn(inside) - from) / (to - from || 1)) * (end - start);
  };
}

/** 1, 2 or 5 times a power of ten apart, or on a logarithmic axis those numbers themselves. */
function ticksOf({ from, to, log, ticks }: Axis): readonly number[] {
  if (ticks !== undefined) return ticks.filter((tick) => tick >= from && tick <= to);
  if (log === true) {
    const decades = Array.from(
      { length: Math.ceil(Math.log10(to)) - Math.floor(Math.log10(from)) + 1 },
      (_, i) => 10 ** (Math.floor(Math.log10(from)) + i),
    );
    const steps = decades.length > 3 ? [1] : [1, 2, 5];
    return decades
      .flatMap((decade) => steps.map((step) => decade * step))
      .filter((tick) => tick >= from && tick <= to);
  }
  const raw = (to - from) / TICKS || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5].find((factor) => factor * power >= raw) ?? 10) * power;
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
