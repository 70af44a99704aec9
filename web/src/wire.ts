/**
 * What the server says and what we may ask, in the shapes of the public contract.
 * When the generated types arrive (`npm run generate`), this file becomes a re-export of them.
 */
import type { types } from "mediasoup-client";

export type Role = "newcomer" | "host" | "officer" | "interpreter" | "companion" | "attendee";
export type Phase = "lobby" | "room" | "finished";
export type Place = "on_site" | "elsewhere";
export type StationState = "planned" | "called" | "active" | "done" | "skipped";
export type MeetingState = "planned" | "open" | "paused" | "ended";
export type Source = "camera" | "microphone" | "screen" | "interpretation";
export type Signal = "not_understood" | "slower" | "repeat" | "one_at_a_time" | "cannot_hear" | "help" | "break";

/** An instant, ISO 8601 in UTC. */
export type Instant = string;
export type Names = Record<string, string>;

export interface You {
  participant: string;
  role: Role;
  name: string;
  language: string;
  agency: string | null;
  station: number | null;
  place: Place;
  phase: Phase;
  ready: boolean;
  may: string[];
}

export interface People {
  adults: number;
  children: number;
}

export interface MeetingInfo {
  id: string;
  site: string;
  site_name: string;
  alias: string | null;
  people: People | null;
  languages: string[];
  planned_at: Instant | null;
  route: string | null;
  room: string | null;
  state: MeetingState;
  paused_since: Instant | null;
  interpreter: string | null;
}

export interface StationOfficer {
  participant: string;
  name: string;
  present: boolean;
  ready: boolean;
}

export interface Station {
  number: number;
  position: number;
  agency: string;
  agency_name: Names;
  purpose: string;
  state: StationState;
  minutes: number;
  started_at: Instant | null;
  ended_at: Instant | null;
  expected_start: Instant | null;
  officers: StationOfficer[];
}

export interface Participant {
  id: string;
  role: Role;
  name: string;
  agency: string | null;
  station: number | null;
  language: string;
  place: Place;
  phase: Phase;
  ready: boolean;
  present: boolean;
  since: Instant | null;
  excluded: boolean;
}

export interface Message {
  id: string;
  at: Instant;
  sender: string;
  sender_name: string;
  role: Role;
  text: string;
  station: number | null;
  /** The participant whose line with the host this is; null in the room. */
  line: string | null;
}

export interface Question {
  id: string;
  kind: string;
  stations: number[];
  asked_at: Instant;
  lapses_at: Instant;
}

export interface Consent {
  id: string;
  kind: string;
  stations: number[];
  at: Instant;
}

export interface Queue {
  place: number;
  expected_start: Instant | null;
}

export interface Snapshot {
  you: You;
  meeting: MeetingInfo;
  stations: Station[];
  participants: Participant[];
  messages: Message[];
  question: Question | null;
  consents: Consent[];
  queue: Queue | null;
  now: Instant;
}

export interface Joined {
  participant: string;
  session: string;
  secret: string;
  last_event: number;
  snapshot: Snapshot;
  ice_servers: RTCIceServer[];
  router_rtp_capabilities: types.RtpCapabilities;
}

export interface MeetingEvent {
  number: number;
  type: string;
  at: Instant;
  data: Record<string, unknown>;
  changes: Partial<Snapshot>;
}

export interface NewConsumer {
  id: string;
  producer: string;
  participant: string;
  source: Source;
  kind: types.MediaKind;
  rtpParameters: types.RtpParameters;
}

export interface TransportOffer {
  id: string;
  iceParameters: types.IceParameters;
  iceCandidates: types.IceCandidate[];
  dtlsParameters: types.DtlsParameters;
}

export interface IceRestarted {
  iceParameters: types.IceParameters;
}

export interface Speaker {
  participant: string;
  level: number;
}

export interface SessionClosed {
  code: string;
  reason: string;
}

export interface TokenAnswer {
  access_token: string;
  token_type: string;
  expires_in: number;
  meeting: string;
  participant: string;
  role: Role;
}

export interface InviteAnswer {
  url: string;
  code: string;
  expires_at: Instant;
  id: string;
  participant: string;
}

export interface InviteRequest {
  role: Role;
  agency?: string;
  station?: number;
  name?: string;
  language?: string;
  participant?: string;
}

export interface StaffSession {
  name: string;
  role: string;
  sites: { id: string; name: string }[];
  expires_at: Instant;
}

export interface MeetingParticipant {
  id: string;
  role: Role;
  name: string;
  agency: string | null;
  station: number | null;
  present: boolean;
  phase: Phase;
}

export interface MeetingResource {
  id: string;
  site: string;
  site_name: string;
  route: string | null;
  alias: string | null;
  planned_at: Instant | null;
  languages: string[];
  people: People | null;
  room: string | null;
  state: MeetingState;
  stations: Station[];
  participants: MeetingParticipant[];
  created_at: Instant;
}

export interface NewStation {
  agency: string;
  purpose?: string;
  minutes?: number;
}

export interface NewMeeting {
  site?: string;
  route?: string;
  alias?: string;
  planned_at?: Instant;
  languages?: string[];
  people?: People;
  room?: string;
  stations?: NewStation[];
}

export interface CatalogueStation {
  agency: string;
  purpose: string | Names;
  minutes: number;
}

export interface Catalogue {
  sites: { id: string; name: string }[];
  routes: { id: string; name: string | Names; stations: CatalogueStation[] }[];
  agencies: { id: string; name: string | Names }[];
  languages: { code: string; name: string | Names }[];
}
