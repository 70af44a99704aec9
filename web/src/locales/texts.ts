/** The texts of one language: `locales/<language>/<topic>.json` for everybody, `…/duty/<topic>.json` for the pages of those on duty. */
export type Texts = { [key: string]: string | Texts };

export function joined(topics: Record<string, Texts>): Texts {
  return Object.assign({}, ...Object.values(topics));
}
