/**
 * As much of an address as may be shown: providers of nodes put keys into paths, queries and user names.
 *
 * @returns Scheme, host and port; "an address that cannot be read" when it is none.
 */
export function publicUrl(url: string): string {
  if (!URL.canParse(url)) return "an address that cannot be read";
  const { host, protocol } = new URL(url);
  return `${protocol}//${host}`;
}
