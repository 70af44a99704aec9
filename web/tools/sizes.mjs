/** What a person fetches, compressed as the server sends it: `npm run sizes` after a build. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const DIST = new URL("../dist/", import.meta.url).pathname;
const VIEWS = {
  newcomer: ["JoinLink", "NewcomerView"],
  companion: ["JoinLink", "CompanionView"],
  host: ["JoinLink", "HostView"],
  officer: ["JoinLink", "OfficerView"],
  interpreter: ["JoinLink", "InterpreterView"],
  staff: ["StaffHome", "NewMeeting"],
};
const SCRIPTS = { ar: "arabic", fa: "arabic", ti: "ethiopic" };
export const LANGUAGES = ["sv", "en", "ar", "fa", "so", "ti"];

function size(file) {
  const path = join(DIST, file);
  return /\.(js|css|html|svg)$/.test(file) ? statSync(`${path}.br`).size : statSync(path).size;
}

/** An entry and what it cannot be without: its imports, theirs, and their styles. */
function files(manifest, key, found = new Set()) {
  const entry = manifest[key];
  if (!entry) throw new Error(`the build has no ${key}`);
  if (found.has(entry.file)) return found;
  found.add(entry.file);
  for (const css of entry.css ?? []) found.add(css);
  for (const next of entry.imports ?? []) files(manifest, next, found);
  return found;
}

function font(name) {
  return `assets/${readdirSync(join(DIST, "assets")).find((file) => new RegExp(`^${name}-[\\w-]{8}\\.woff2$`).test(file))}`;
}

/** `part`: `index` is what everybody can meet, `work` the rest. */
const texts = (language, part) => `src/locales/${language}/${part}.ts`;

function total(manifest, keys, language) {
  const found = new Set(["index.html", font("latin")]);
  if (SCRIPTS[language]) found.add(font(SCRIPTS[language]));
  for (const key of ["index.html", texts(language, "index"), ...keys]) files(manifest, key, found);
  return [...found].reduce((sum, file) => sum + size(file), 0);
}

function library(manifest) {
  return Object.keys(manifest).find((key) => /mediasoup-client\/.*\.js$/.test(key));
}

/** Bytes until the first page (the link, or the list of meetings), and until one is in the meeting. */
export function sizes(role, language) {
  const manifest = JSON.parse(readFileSync(join(DIST, ".vite/manifest.json"), "utf8"));
  const [first, ...rest] = VIEWS[role].map((view) => `src/views/${view}.vue`);
  const duty = role !== "newcomer" && role !== "companion" ? [texts(language, "duty")] : [];
  const before = role === "staff" ? duty : [];
  const media = role === "staff" ? [] : [library(manifest)];
  return { first: total(manifest, [first, ...before], language), all: total(manifest, [first, ...rest, ...media, ...duty], language) };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
  for (const role of Object.keys(VIEWS)) {
    const spoken = role === "newcomer" || role === "companion" ? LANGUAGES : ["sv", "en"];
    for (const language of spoken) {
      const { first, all } = sizes(role, language);
      console.log(`${role.padEnd(12)} ${language}  first page ${kilobytes(first).padStart(7)}  all ${kilobytes(all).padStart(7)}`);
    }
  }
}
