/** Who is with whom right now, as the pages show it. */
import { computed, ref, watch } from "vue";
import { useI18n } from "vue-i18n";
import { nameIn } from "../i18n";
import { firstName, languageName } from "../names";
import type { Participant, Role, Station } from "../wire";
import { useMeeting } from "./meeting";
import { usePage } from "./page";

const FROM_OUTSIDE: Role[] = ["officer", "interpreter", "attendee", "companion", "host"];

export function useStage() {
  const { t, te } = useI18n();
  const meeting = useMeeting();
  const page = usePage();

  const officers = computed(() => meeting.inRoom.filter((person) => person.role === "officer"));
  const inTheRoom = (role: Role) => computed(() => meeting.inRoom.find((person) => person.role === role) ?? null);

  /** The one official on the large picture: whoever spoke last of those whose station is going on. */
  const spokeLast = ref<string | null>(null);
  watch(
    () => meeting.speakers,
    () => {
      const heard = officers.value.find((person) => meeting.isSpeaking(person.id));
      if (heard) spokeLast.value = heard.id;
    },
  );
  const officer = computed<Participant | null>(
    () => officers.value.find((person) => person.id === spokeLast.value) ?? officers.value[0] ?? null,
  );

  const station = computed<Station | null>(
    () =>
      meeting.activeStations.find((active) => active.number === officer.value?.station) ??
      meeting.activeStations[0] ??
      null,
  );

  /** Who was removed, by name, and what that means in words, as long as nobody else is asked to the station. */
  const sentAway = computed(() => {
    const here = station.value;
    if (officer.value || !here || here.officers.length) return null;
    const last = here.sent_away.at(-1);
    if (!last) return null;
    const { name } = meeting.named({ name: last.name, role: "officer" as const, station: here.number });
    if (last.by === "newcomer") return { name, title: t("newcomer.sentAway", { name }), text: t("newcomer.sentAwayText") };
    return { name, title: t(last.by === "host" ? "newcomer.removedByHost" : "newcomer.withUsNoMore", { name }), text: t("newcomer.removedText") };
  });

  const paused = computed(() => meeting.snapshot?.meeting.state === "paused");
  const ended = computed(() => meeting.snapshot?.meeting.state === "ended");
  const question = computed(() => meeting.snapshot?.question ?? null);

  /** Everybody who receives the newcomer now, the newcomer not counted; those from outside first. */
  const listeners = computed<Participant[]>(() =>
    meeting.inRoom
      .filter((person) => {
        if (person.role === "newcomer" || person.excluded) return false;
        if (paused.value) return person.place === "on_site";
        return !(question.value && person.role === "officer");
      })
      .sort((one, other) => FROM_OUTSIDE.indexOf(one.role) - FROM_OUTSIDE.indexOf(other.role)),
  );

  /** The newcomer wants this station without the person at this page. */
  const excluded = computed(() => meeting.person(meeting.you?.participant ?? "")?.excluded ?? false);

  const alias = computed(() => meeting.snapshot?.meeting.alias ?? t("role.newcomer"));

  function agency(of: Station | null): string {
    return of ? nameIn(of.agency_name, page.language) : "";
  }

  function agencyInSwedish(of: Station | null): string {
    const swedish = of ? nameIn(of.agency_name, "sv") : "";
    return swedish === agency(of) ? "" : swedish;
  }

  function stationNumbered(number: number | null): Station | null {
    return meeting.stations.find((one) => one.number === number) ?? null;
  }

  function language(code: string): string {
    if (te(`language.${code}`, page.language)) return t(`language.${code}`);
    return languageName(code, page.language);
  }

  function languages(): string {
    return (meeting.snapshot?.meeting.languages ?? []).map(language).join(", ");
  }

  /** Between which languages somebody interprets, Swedish going without saying. */
  function tongues(interpreter: Participant): string[] {
    const desks = meeting.snapshot?.interpreting.interpreters ?? [];
    const own = desks.find((desk) => desk.participant === interpreter.id)?.languages ?? meeting.snapshot?.meeting.languages.slice(0, 1);
    return (own ?? []).filter((code) => code !== "sv");
  }

  /** What somebody is here, in words: their agency, or their role; of an interpreter the language too. */
  function capacity(person: Participant): string {
    if (person.role === "officer") return agency(stationNumbered(person.station)) || t("role.officer");
    if (person.kind === "sign" || person.kind === "text") return t(`kind.${person.kind}`);
    const spoken = person.role === "interpreter" ? tongues(person) : [];
    if (spoken.length) return t("newcomer.interpreterTo", { language: spoken.map(language).join(", ") });
    return t(`role.${person.role}`);
  }

  /** The name that somebody goes by here; the newcomer's is the meeting's. */
  function called(person: Participant): string {
    return person.role === "newcomer" ? alias.value : person.name;
  }

  /** An officer who was invited without a name goes by the agency's. */
  function nameless(person: Participant | undefined): boolean {
    return person?.role === "officer" && person.unnamed === true;
  }

  /** Of an officer as a station has them; empty where it is the agency's. */
  function ownName({ name }: { name: string }): string {
    return meeting.named({ name, role: "officer" as const }).unnamed ? "" : name;
  }

  /** What is said beside a name: what somebody is here, where the name does not say it already. */
  function beside(person: Participant): string {
    if (nameless(person)) return t("role.officer");
    const words = capacity(person);
    return words === person.name ? "" : words;
  }

  /** Who interprets now; a colleague who rests only where nobody else is there. */
  const interpreter = computed<Participant | null>(() => {
    const here = meeting.inRoom.filter((person) => person.role === "interpreter" && (person.kind ?? "spoken") === "spoken");
    const desks = meeting.snapshot?.interpreting.interpreters ?? [];
    const working = (person: Participant) => desks.some((desk) => desk.participant === person.id && desk.on_duty);
    return here.find(working) ?? here[0] ?? null;
  });
  const host = inTheRoom("host");
  /** Whom the newcomer asks for help: by name, where somebody is there. */
  const helpLabel = computed(() =>
    host.value && !host.value.unnamed ? t("newcomer.helpFrom", { name: firstName(host.value) }) : t("newcomer.help"),
  );

  return {
    meeting, page, officer, officers, station, sentAway, paused, ended, question, excluded, listeners, alias,
    newcomer: inTheRoom("newcomer"), interpreter, host, helpLabel,
    agency, agencyInSwedish, stationNumbered, language, languages, capacity, beside, called, nameless, ownName,
  };
}
