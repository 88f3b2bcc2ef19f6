import { formatAccount } from "../../sdk/index.js";
import { readable, readableTime } from "./amounts.js";
import type { Message } from "./channel.js";
import type { Notice } from "./notice.js";

/** From notices to what people read. */

/** What stands below a message. */
export interface Footing {
  /** Where people reach the keeper. */
  readonly publicUrl: string | undefined;
  /** Where a click ends the subscription. */
  readonly leaveUrl: string | undefined;
}

interface Draft {
  readonly subject: string;
  readonly lines: readonly string[];
}

const MONEY_DECIMALS = 2;
const TOKEN_DECIMALS = 6;

/** A notice as a message. */
export function messageOf(notice: Notice, footing: Footing): Message {
  return written(draftOf(notice), footing);
}

/** The mail that asks whether an address is its subscriber's. */
export function confirmationMessage(account: string, confirmUrl: string): Message {
  const shown = formatAccount(account);
  const lines = [
    `Somebody who holds the key of the Plimsoll account ${shown} asked that messages about it go to this address.`,
    `If that was you, open this link within a day and confirm: ${confirmUrl}`,
    "If it was not, do nothing: nothing else will be sent.",
  ];
  const draft = { subject: "Confirm messages about your Plimsoll account", lines };
  return written(draft, { publicUrl: undefined, leaveUrl: undefined });
}

function draftOf(notice: Notice): Draft {
  switch (notice.kind) {
    case "marginCall":
      return marginCallDraft(notice);
    case "recovered":
      return recoveredDraft(notice);
    case "liquidated":
      return liquidatedDraft(notice);
    case "toppedUp":
      return toppedUpDraft(notice);
  }
}

const STANDINGS: Readonly<Record<string, string>> = {
  MarginCall: "is below its initial margin. Below its maintenance margin anyone may liquidate it.",
  Liquidatable: "is below its maintenance margin: anyone may liquidate it now.",
  Bankrupt: "owes more than it has: anyone may liquidate it now.",
};

function marginCallDraft({ account, block, facts }: Notice): Draft {
  const short = formatAccount(account, { short: true });
  const lacking = `${readable(facts.shortfall ?? "0", MONEY_DECIMALS, "up")} ${facts.currency ?? ""}`;
  const remedies = remedyLines(facts);
  const standing = STANDINGS[facts.status ?? ""] ?? STANDINGS.MarginCall ?? "";
  return {
    subject: `Margin call: ${short} lacks ${lacking}`,
    lines: [
      `Your Plimsoll account ${formatAccount(account)} ${standing}`,
      `Equity ${money(facts, "equity")}, initial margin ${money(facts, "initial")}, ` +
        `maintenance margin ${money(facts, "maintenance")}.`,
      `At the prices of ${readableTime(block.time)} (block ${block.number}) ` +
        (remedies.length === 0
          ? "nothing that could be worked out restores it alone."
          : "each of these alone restores initial margin, before fees:"),
      ...remedies.map((line) => `- ${line}`),
      ...liquidationLines(facts),
    ],
  };
}

function remedyLines(facts: Notice["facts"]): string[] {
  const { currency = "" } = facts;
  const deposits = Object.entries(facts).flatMap(([name, amount]) => {
    const [what, symbol] = name.split(/\.(.*)/s, 2);
    if (what !== "deposit" || symbol === undefined) return [];
    const decimals = symbol === currency ? MONEY_DECIMALS : TOKEN_DECIMALS;
    return [`deposit ${readable(amount, decimals, "up")} ${symbol}`];
  });
  const { closedPercent } = facts;
  if (closedPercent === undefined) return deposits;
  return [
    ...deposits,
    `close ${readable(closedPercent, MONEY_DECIMALS, "up")} % of every position`,
  ];
}

function liquidationLines({ liquidationInstrument, liquidationPrice, status }: Notice["facts"]) {
  if (liquidationInstrument === undefined || liquidationPrice === undefined) return [];
  if (status !== "MarginCall") return [];
  const price = readable(liquidationPrice, MONEY_DECIMALS, "down");
  return [`All else as it is, it can be liquidated when ${liquidationInstrument} is at ${price}.`];
}

function recoveredDraft({ account, block, facts }: Notice): Draft {
  return {
    subject: `Recovered: ${formatAccount(account, { short: true })} has its initial margin again`,
    lines: [
      `Your Plimsoll account ${formatAccount(account)} has its initial margin again.`,
      `Equity ${money(facts, "equity")}, initial margin ${money(facts, "initial")}, ` +
        `at ${readableTime(block.time)} (block ${block.number}).`,
    ],
  };
}

function liquidatedDraft({ account, block, facts }: Notice): Draft {
  const part = `${readable(facts.takenPercent ?? "0", MONEY_DECIMALS, "down")} %`;
  return {
    subject: `Liquidated: ${part} of ${formatAccount(account, { short: true })} was taken over`,
    lines: [
      `${part} of your Plimsoll account ${formatAccount(account)} was taken over by a liquidator, ` +
        `at ${readableTime(block.time)} (block ${block.number}).`,
      `Before, its equity was ${money(facts, "equity")} and its maintenance margin ` +
        `${money(facts, "maintenance")}. It received ${money(facts, "received")} for that part.`,
    ],
  };
}

function toppedUpDraft({ account, block, facts }: Notice): Draft {
  const amount = money(facts, "amount");
  return {
    subject: `Topped up: ${formatAccount(account, { short: true })} received ${amount}`,
    lines: [
      `Your instruction ${facts.instruction ?? ""} topped up your Plimsoll account ` +
        `${formatAccount(account)} with ${amount}, at ${readableTime(block.time)} (block ${block.number}).`,
      `The tip of whoever executed it was ${money(facts, "tip")}; the instruction may still move ` +
        `${money(facts, "budgetLeft")} in its window.`,
    ],
  };
}

function money(facts: Notice["facts"], name: string): string {
  return `${readable(facts[name] ?? "0", MONEY_DECIMALS, "down")} ${facts.currency ?? ""}`.trimEnd();
}

function written({ lines, subject }: Draft, { leaveUrl, publicUrl }: Footing): Message {
  const all = [
    ...lines,
    ...(publicUrl === undefined ? [] : [`More: ${publicUrl}`]),
    ...(leaveUrl === undefined ? [] : [`No more of these messages: ${leaveUrl}`]),
  ];
  const html = all.map((line) => `<p>${withLinks(escaped(line))}</p>`).join("\n");
  return { subject, text: all.join("\n\n").replaceAll("\n\n- ", "\n- "), html };
}

/** Text inside HTML. */
export function escaped(text: string): string {
  const names: Record<string, string> = {
    "&": "amp",
    "<": "lt",
    ">": "gt",
    '"': "quot",
    "'": "#39",
  };
  return text.replace(/[&<>"']/g, (sign) => `&${names[sign] ?? ""};`);
}

function withLinks(html: string): string {
  return html.replace(/https?:\/\/[^\s<]+/g, (url) => `<a href="${url}">${url}</a>`);
}
