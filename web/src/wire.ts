/**
 * What the server says and what we may ask: the generated types, under the names that the pages use.
 * Only what the documents leave open is made narrower here: states, and mediasoup's own shapes.
 */
import type { types } from "mediasoup-client";
import type { components as Socket } from "./generated/asyncapi";
import type { components as Rest } from "./generated/openapi";

type SocketSchemas = Socket["schemas"];
type RestSchemas = Rest["schemas"];
type Narrow<Base, Fields> = Omit<Base, keyof Fields> & Fields;

export type Role = Exclude<SocketSchemas["Role"], "admin">;
export type InterpreterKind = SocketSchemas["Kind"];
export type Phase = SocketSchemas["Phase"];
export type Place = SocketSchemas["Place"];
export type StationState = "planned" | "called" | "active" | "done" | "skipped";
export type MeetingState = RestSchemas["Meeting"]["state"];
export type Source = SocketSchemas["NewConsumer"]["source"];
export type Signal = SocketSchemas["Signal"]["signal"];

/** An instant, ISO 8601 in UTC. */
export type Instant = string;
/** Language → text. */
export type Names = Record<string, string>;

export type You = Narrow<SocketSchemas["You"], { role: Role }>;
export type MeetingInfo = Narrow<SocketSchemas["MeetingView"], { state: MeetingState }>;
export type Station = Narrow<SocketSchemas["StationView"], { state: StationState }>;
/** `unnamed`: the name is their role, in the reader's language. */
export type Participant = Narrow<SocketSchemas["ParticipantView"], { role: Role }> & { unnamed?: boolean };
export type Message = Narrow<SocketSchemas["MessageView"], { role: Role }>;
export type Interpreting = SocketSchemas["InterpretingView"];
export type InterpreterAtWork = SocketSchemas["InterpreterAtWork"];
export type InterpretingMode = InterpreterAtWork["mode"];
export type Snapshot = Narrow<
  SocketSchemas["Snapshot"],
  { you: You; meeting: MeetingInfo; stations: Station[]; participants: Participant[]; messages: Message[] }
>;

export type Joined = Narrow<
  SocketSchemas["Joined"],
  {
    snapshot: Snapshot;
    media: StandingMedia;
    ice_servers: RTCIceServer[];
    router_rtp_capabilities: types.RtpCapabilities;
    receiving?: Receiving | null;
  }
>;
export type StandingMedia = Narrow<SocketSchemas["StandingMedia"], { consumers: NewConsumer[] }>;
export type MeetingEvent = Narrow<SocketSchemas["MeetingEvent"], { changes: Partial<Snapshot> }>;
export type NewConsumer = Narrow<SocketSchemas["NewConsumer"], { rtpParameters: types.RtpParameters }>;
export type TransportOffer = Narrow<
  SocketSchemas["TransportCreated"],
  { iceParameters: types.IceParameters; iceCandidates: types.IceCandidate[]; dtlsParameters: types.DtlsParameters }
>;
export type Receiving = Narrow<SocketSchemas["Receiving"], { transport: TransportOffer; consumers: NewConsumer[] }>;
export type IceRestarted = Narrow<SocketSchemas["IceRestarted"], { iceParameters: types.IceParameters }>;
export type LetIn = SocketSchemas["LetIn"];
export type Consent = SocketSchemas["ConsentView"];
export type Typed = SocketSchemas["Typed"];
export type Drafts = SocketSchemas["Drafts"];
export type TextLine = Narrow<SocketSchemas["LineView"], { role: Role }>;
export type Transcript = Narrow<SocketSchemas["Transcript"], { lines: TextLine[] }>;
export type Agencies = SocketSchemas["Agencies"];
export type Quality = SocketSchemas["Quality"];
export type Speaker = SocketSchemas["SpeakerLevel"];
export type SessionClosed = SocketSchemas["SessionClosed"];

export type LinkInfo = Narrow<
  RestSchemas["LinkInfo"],
  { role: Role; router_rtp_capabilities: types.RtpCapabilities | null }
>;
export type TokenAnswer = RestSchemas["AccessToken"];
export type InviteAnswer = RestSchemas["Invitation"];
export type InviteRequest = Narrow<RestSchemas["NewInvitation"], { role: Role }>;
export type StaffSession = RestSchemas["StaffSession"];
export type MeetingParticipant = Narrow<RestSchemas["MeetingParticipant"], { role: Role }>;
export type MeetingResource = Narrow<RestSchemas["Meeting"], { stations: Station[]; participants: MeetingParticipant[] }>;
export type NewMeeting = RestSchemas["NewMeeting"];
export type MeetingChange = RestSchemas["MeetingChange"];
export type AgencyKey = RestSchemas["AgencyKey"];
export type AgencyGrant = RestSchemas["AgencyGrant"];
export type LedgerRow = RestSchemas["LedgerRow"];
export type Ledger = RestSchemas["Ledger"];
export type HeardRow = RestSchemas["HeardRow"];
export type KeptAgency = RestSchemas["KeptAgency"];
export type Account = RestSchemas["Account"];
export type AccountInvitation = RestSchemas["AccountInvitation"];
export type AccountWelcome = RestSchemas["AccountWelcome"];
export type NewAccount = RestSchemas["NewAccount"];
export type AdminSession = RestSchemas["Session"];
export type OwnSession = RestSchemas["OwnSession"];
export type PoolBoard = RestSchemas["PoolBoard"];
export type PoolPerson = RestSchemas["PoolPerson"];
export type PoolRoom = RestSchemas["PoolRoom"];
export type Screen = RestSchemas["Screen"];
export type ScreenCode = RestSchemas["ScreenCode"];
export type ScreenTask = RestSchemas["ScreenTask"];
export type Catalogue = RestSchemas["CatalogueData"];
