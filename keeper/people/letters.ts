import type { Letter } from "./channel.js";
import type { ClaimedLetter } from "./claims.js";
import { confirmationMessage, messageOf } from "./message.js";
import { noticeOf } from "./outbox.js";

/** Paths of what people reach: see `subscriptionsPlugin`. */
export const PATHS = {
  terms: "/people/terms",
  subscribe: "/people/subscriptions",
  unsubscribe: "/people/subscriptions/end",
  confirm: "/people/confirm",
  leave: "/people/leave",
} as const;

/**
 * A claimed row as its channel sends it.
 *
 * @param publicUrl Where people reach the keeper.
 */
export function letterOf(claimed: ClaimedLetter, publicUrl: string | undefined): Letter {
  const { account, body, channel, destination, id, kind, secret, subscription } = claimed;
  if (kind === "confirmation") {
    const { code } = JSON.parse(body) as { code: string };
    const message = confirmationMessage(account, linkOf(publicUrl, PATHS.confirm, { code }));
    return { id, kind, destination, secret, message, body: "", leaveUrl: undefined };
  }
  const notice = noticeOf(body);
  const isLeavable = channel === "email" && publicUrl !== undefined;
  const leaveUrl = isLeavable
    ? linkOf(publicUrl, PATHS.leave, { subscription, code: secret })
    : undefined;
  const message = messageOf(notice, { publicUrl, leaveUrl });
  const { block, episode, facts } = notice;
  const said = { id, kind: notice.kind, account, episode, facts, text: message.text };
  const json = JSON.stringify({ ...said, block: { ...block, time: block.time.toString() } });
  return { id, kind: notice.kind, destination, secret, message, body: json, leaveUrl };
}

function linkOf(publicUrl = "", path: string, query: Record<string, string>): string {
  const base = publicUrl.replace(/\/+$/, "");
  return `${base}${path}?${new URLSearchParams(query).toString()}`;
}
