import { z } from "zod";
import { httpUrl, noted, seconds } from "./setting.js";

const smtp = z
  .strictObject({
    host: noted(z.string().min(1), "The mail server's name; giving it switches e-mail on."),
    port: noted(z.int().min(1).max(65_535), "Its port: 465 with `secure`, 587 without."),
    secure: noted(z.boolean().default(true), "TLS from the first byte; without it, STARTTLS."),
    from: noted(z.email(), "The sender of messages."),
  })
  .optional();

const telegram = z
  .strictObject({
    apiRoot: noted(
      httpUrl.default("https://api.telegram.org"),
      "Where Telegram's bot API is; giving it switches Telegram on.",
    ),
  })
  .optional();

/** Settings of what goes to people. */
export const peopleSettings = {
  people: z
    .strictObject({
      repeatSeconds: seconds(
        3_600,
        "How long until a margin call that nobody answers is repeated.",
      ),
      publicUrl: noted(
        httpUrl.optional(),
        "Where people reach this keeper, for links in messages.",
      ),
      webhooks: noted(z.boolean().default(true), "Whether people may subscribe webhooks."),
      allowPrivateWebhooks: noted(
        z.boolean().default(false),
        "Webhooks may point into this machine's own network: for tests only.",
      ),
      smtp,
      telegram,
    })
    .prefault({}),
};
