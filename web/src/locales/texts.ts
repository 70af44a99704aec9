/** Every text, by language: `locales/<language>/<topic>.json`, each topic with keys of its own. */
export type Texts = { [key: string]: string | Texts };

const files = import.meta.glob<Texts>("./*/*.json", { eager: true, import: "default" });

export const texts: Record<string, Texts> = {};
for (const [path, topic] of Object.entries(files)) {
  const language = path.split("/")[1];
  texts[language] = { ...texts[language], ...topic };
}
