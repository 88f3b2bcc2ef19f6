import chalk, { Chalk } from "chalk";

/** Colours by meaning, so that the whole demo says the same thing in the same colour. */
export interface Palette {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  /** Healthy accounts, invariants that hold. */
  readonly good: (text: string) => string;
  /** Margin calls. */
  readonly warning: (text: string) => string;
  /** Liquidations. */
  readonly alarm: (text: string) => string;
  /** Bankruptcies and what they cost others. */
  readonly loss: (text: string) => string;
  /** Prices and the chart's line. */
  readonly price: (text: string) => string;
  /** What people do of their own will. */
  readonly act: (text: string) => string;
}

/** Where the demo speaks. */
export interface Terminal {
  readonly paint: Palette;
  /** Columns to fill. */
  readonly width: number;
  /** Prints lines as they are. */
  say(...lines: string[]): void;
  /** Begins a numbered phase. */
  phase(title: string): void;
}

const WIDEST = 110;
const NARROWEST = 80;

/**
 * Opens the terminal: coloured when it is one, plain when it is a file or NO_COLOR is set.
 *
 * @param options.silent Nothing is printed: for machines, who read JSON.
 */
export function openTerminal({ silent }: { silent: boolean }): Terminal {
  const plain = (process.env.NO_COLOR ?? "") !== "";
  const colour = new Chalk({ level: plain ? 0 : chalk.level });
  // One argument each: chalk takes any number, and `map` gives three.
  const paint: Palette = {
    strong: (text) => colour.bold(text),
    faint: (text) => colour.dim(text),
    good: (text) => colour.green(text),
    warning: (text) => colour.yellow(text),
    alarm: (text) => colour.red(text),
    loss: (text) => colour.magenta(text),
    price: (text) => colour.cyan(text),
    act: (text) => colour.blueBright(text),
  };
  const width = Math.min(Math.max(process.stdout.columns || WIDEST, NARROWEST), WIDEST);
  const say = (...lines: string[]): void => {
    if (!silent) process.stdout.write(`${lines.join("\n")}\n`);
  };

  let phases = 0;
  return {
    paint,
    width,
    say,
    phase: (title) => {
      phases++;
      const rule = "─".repeat(Math.max(width - title.length - 6, 3));
      say(
        "",
        `${paint.faint("──")} ${paint.strong(`${phases}  ${title}`)} ${paint.faint(rule)}`,
        "",
      );
    },
  };
}

/** Breaks a text into lines of at most `width` columns; later lines are indented. Colour it afterwards. */
export function wrap(text: string, { width, indent }: { width: number; indent: number }): string[] {
  const margin = " ".repeat(indent);
  const lines: string[] = [];
  let line = margin;
  for (const word of text.split(" ")) {
    if (line.length > indent && line.length + 1 + word.length > width) {
      lines.push(line);
      line = margin;
    }
    line += line.length > indent ? ` ${word}` : word;
  }
  return [...lines, line];
}
