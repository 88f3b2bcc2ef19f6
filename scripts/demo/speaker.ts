import { type Terminal, wrap } from "./terminal.js";

/** What deserves an explanation when it is seen for the first time. */
type Topic =
  | "marginCall"
  | "partial"
  | "whole"
  | "dust"
  | "bankrupt"
  | "haircut"
  | "lenders"
  | "deficit"
  | "emptied"
  | "sale"
  | "topUp"
  | "reduction"
  | "settlement"
  | "flag"
  | "deleverage"
  | "writeOff";

/** Says one thing in one line, and explains it once. */
export interface Speaker {
  /** A line about an account. */
  line(colour: (text: string) => string, label: string, account: string, text: string): void;
  /** A line about somebody who is no account. */
  lineAbout(colour: (text: string) => string, label: string, who: string, text: string): void;
  explain(topic: Topic, text: string): void;
}

const LABEL_COLUMNS = 15;
const NAME_COLUMNS = 11;
const EXPLANATION_INDENT = 6;

/** @param nameOf How accounts are called. */
export function createSpeaker(
  { paint, say, width }: Terminal,
  nameOf: (account: string) => string,
): Speaker {
  const explained = new Set<Topic>();
  const lineAbout: Speaker["lineAbout"] = (colour, label, who, text) => {
    say(
      `  ${colour(label.padEnd(LABEL_COLUMNS))} ${paint.strong(who.padEnd(NAME_COLUMNS))} ${text}`,
    );
  };
  return {
    line: (colour, label, account, text) => {
      lineAbout(colour, label, nameOf(account), text);
    },
    lineAbout,
    explain: (topic, text) => {
      if (explained.has(topic)) return;
      explained.add(topic);
      say(...wrap(text, { width, indent: EXPLANATION_INDENT }).map(paint.faint));
    },
  };
}
