/** What somebody goes by who was given no name: what they are here, in the language of whoever reads it. */
import { i18n, locale, nameIn } from "./i18n";
import type { InterpreterKind, Names, Role } from "./wire";

interface Someone {
  name: string;
  role: Role;
  kind?: InterpreterKind | null;
  station?: number | null;
}

/** A station of the meeting, or whatever else names an agency. */
interface Named {
  number?: number;
  agency_name: Names;
}

export function roleName({ role, kind }: Omit<Someone, "name">): string {
  const { t } = i18n.global;
  return kind === "sign" || kind === "text" ? t(`kind.${kind}`) : t(`role.${role}`);
}

/** Earlier, these were kept as the names of people without one. What is kept is not changed, so it is known here. */
const ONCE_KEPT: Partial<Record<Role, readonly string[]>> = {
  host: ["Personal på plats"],
  interpreter: ["Tolk", "Teckenspråkstolk", "Skrivtolk"],
  companion: ["Medföljande"],
  attendee: ["Deltagare"],
};

export function isUnnamed({ name, role }: Pick<Someone, "name" | "role">): boolean {
  return !name || (ONCE_KEPT[role]?.includes(name) ?? false);
}

/** An officer without a name of their own goes by their agency's, and is mostly kept under it. */
export function goesBy<Person extends Someone>(person: Person, stations: readonly Named[] = []): Person & { unnamed?: boolean } {
  const { name, role, station } = person;
  const own = (one: Named) => (name ? Object.values(one.agency_name).includes(name) : station != null && one.number === station);
  const agency = role === "officer" ? stations.find(own) : undefined;
  if (agency) return { ...person, name: nameIn(agency.agency_name, locale()), unnamed: true };
  return isUnnamed(person) ? { ...person, name: roleName(person), unnamed: true } : person;
}
