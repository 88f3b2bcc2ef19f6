import type { NoticeKind } from "./notice.js";

/** Ways to people. */
export const CHANNEL_NAMES = ["webhook", "email", "telegram"] as const;

/** One of {@link CHANNEL_NAMES}. */
export type ChannelName = (typeof CHANNEL_NAMES)[number];

/** What a person reads. */
export interface Message {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** A message on its way to one destination. */
export interface Letter {
  /** The same at every attempt: receivers discard what they have. */
  readonly id: string;
  readonly kind: NoticeKind | "confirmation";
  /** A URL, an e-mail address or a Telegram chat. */
  readonly destination: string;
  /** Of webhooks: what their messages are signed with. */
  readonly secret: string;
  readonly message: Message;
  /** What programs read: JSON. */
  readonly body: string;
  /** Of e-mails: where a click ends the subscription. */
  readonly leaveUrl: string | undefined;
}

/** What became of one attempt. */
export type Delivery =
  | { readonly kind: "sent" }
  /** Surely not delivered; to be tried again. Our own fault, a mail server that is down, is not that of one destination. */
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly isOurs: boolean;
      /** Not before [milliseconds]. */
      readonly retryAfter?: number;
    }
  /** It may have been delivered or not. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** The destination is gone, or wants nothing: never to be tried again, and its subscriptions end. */
  | { readonly kind: "refused"; readonly reason: string };

/** A way to people. */
export interface Channel {
  readonly name: ChannelName;
  /** Whether a receiver that gets a message twice can tell, so that an attempt whose outcome is unknown is made again. */
  readonly knowsRepeats: boolean;
  /** Makes one attempt; never rejects, and ends soon after the signal is aborted. */
  send(letter: Letter, signal: AbortSignal): Promise<Delivery>;
  /** Ends what stays open between messages. */
  close(): Promise<void>;
}

/** The longest that an attempt takes [milliseconds]. */
export const ATTEMPT_MILLISECONDS = 15_000;
