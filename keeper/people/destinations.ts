import { z } from "zod";
import type { ChannelName } from "./channel.js";
import { PrivateAddress, requirePublicHost } from "./networks.js";

/** Where messages may go: what strangers ask for is checked before it is kept. */

/** Why nothing can be sent there, with the cure. */
export class InvalidDestination extends Error {
  override readonly name = "InvalidDestination";
}

const MOST_URL = 2_048;
const MOST_EMAIL = 254;
const email = z.email().max(MOST_EMAIL);

/**
 * A destination in the one spelling in which it is kept.
 *
 * @throws InvalidDestination when it is none of its channel.
 */
export function destinationOf(channel: ChannelName, text: string, allowPrivate: boolean): string {
  switch (channel) {
    case "webhook":
      return webhookUrl(text, allowPrivate);
    case "email": {
      const { data, success } = email.safeParse(text.toLowerCase());
      if (!success) throw new InvalidDestination("This is no e-mail address: name@example.com.");
      return data;
    }
    case "telegram":
      if (text === "") return text;
      throw new InvalidDestination(
        "For Telegram the destination is empty: the chat is the one that sends the code.",
      );
  }
}

function webhookUrl(text: string, allowPrivate: boolean): string {
  const url = text.length <= MOST_URL && URL.canParse(text) ? new URL(text) : undefined;
  const isAllowed =
    url?.protocol === "https:" || (allowPrivate && url !== undefined && url.protocol === "http:");
  if (url === undefined || !isAllowed) {
    throw new InvalidDestination(`A webhook is an https:// URL of at most ${MOST_URL} characters.`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new InvalidDestination(
      "A webhook's URL has neither user nor password: leave them out; messages are signed.",
    );
  }
  url.hash = "";
  return url.href;
}

/**
 * Looks where a webhook leads. It is looked again at every message: names change.
 *
 * @throws InvalidDestination when it is not on the public network, or nowhere.
 */
export async function requirePublicWebhook(url: string): Promise<void> {
  const { hostname } = new URL(url);
  try {
    await requirePublicHost(hostname);
  } catch (error) {
    // Which address a name has inside of this network is nobody's business outside.
    throw new InvalidDestination(
      error instanceof PrivateAddress
        ? `${hostname} is not on the public network: use a host that is.`
        : `${hostname} cannot be resolved: correct the name, or try again later.`,
      { cause: error },
    );
  }
}
