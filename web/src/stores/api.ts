/** The REST calls that the pages make. Every refusal becomes an `ApiError` with the server's stable code. */
import type {
  Catalogue,
  InviteAnswer,
  InviteRequest,
  LinkInfo,
  MeetingChange,
  MeetingResource,
  NewMeeting,
  Screen,
  ScreenCode,
  ScreenTask,
  StaffSession,
  TokenAnswer,
} from "../wire";
import { ref } from "vue";
import { uuid } from "../media/rpc";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export const UNREACHABLE = "unreachable";
const ROOT = "/api/v1";
/** No answer within this many milliseconds is none. */
const PATIENCE = 60_000;
/** The service tells its time in whole seconds; less than this many milliseconds is no difference. */
const UNSURE = 2_000;

/** The service's clock minus this device's, in milliseconds, as its last answer told. */
export const serverAhead = ref(0);

function noteClock(date: string | null): void {
  const ahead = Date.parse(date ?? "") - Date.now();
  if (Math.abs(ahead - serverAhead.value) > UNSURE) serverAhead.value = Math.abs(ahead) > UNSURE ? ahead : 0;
}

/** `key`: the Idempotency-Key, for a call that is made again after a reload. */
export async function request<Result>(method: string, path: string, body?: unknown, key?: string): Promise<Result> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["Idempotency-Key"] = key ?? uuid();
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new ApiError(0, UNREACHABLE, "The server cannot be reached");
  }
  noteClock(response.headers.get("Date"));
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw refused(response.status, answer);
  return answer as Result;
}

function refused(status: number, answer: unknown): ApiError {
  const problem = (answer ?? {}) as Record<string, unknown>;
  const code = String(problem.code ?? problem.error ?? `http_${status}`);
  return new ApiError(status, code, String(problem.detail ?? problem.error_description ?? problem.title ?? code));
}

export function redeem(code: string): Promise<TokenAnswer> {
  return request<TokenAnswer>("POST", "/token", { code });
}

/** For whom a link or a token is, and for what. Nothing is used up by asking. */
export function linkInfo(way: { code: string } | { token: string }): Promise<LinkInfo> {
  return request<LinkInfo>("POST", "/links", way);
}

export function signIn(code: string): Promise<unknown> {
  return request("POST", "/staff/session", { code });
}

export function staffSession(): Promise<StaffSession> {
  return request<StaffSession>("GET", "/staff/session");
}

export function signInWithPassword(login: string, password: string, code: string): Promise<unknown> {
  return request("POST", "/staff/password", { login, password, code });
}

/** What people call the place where they sign in, null where there is none. */
export async function signInProvider(): Promise<string | null> {
  return (await request<{ provider: string | null }>("GET", "/staff/sign-in")).provider;
}

/** Where the browser signs out too, or null. */
export async function signOut(): Promise<string | null> {
  const response = await fetch("/sign-out", { method: "POST", credentials: "same-origin", keepalive: true });
  return response.ok ? ((await response.json()) as { address: string | null }).address : null;
}

export function catalogue(): Promise<Catalogue> {
  return request<Catalogue>("GET", "/catalogue");
}

/** Those of an office, or of all of the caller's; `days` from `date` on. */
export async function meetings(site: string | null, date: string, days = 1): Promise<MeetingResource[]> {
  const query = new URLSearchParams({ ...(site === null ? {} : { site }), date, days: String(days) });
  return (await request<{ meetings: MeetingResource[] }>("GET", `/meetings?${query}`)).meetings;
}

export function createMeeting(meeting: NewMeeting, key?: string): Promise<MeetingResource> {
  return request<MeetingResource>("POST", "/meetings", meeting, key);
}

export function changeMeeting(meeting: string, change: MeetingChange): Promise<MeetingResource> {
  return request<MeetingResource>("PATCH", `/meetings/${encodeURIComponent(meeting)}`, change);
}

export function readMeeting(meeting: string): Promise<MeetingResource> {
  return request<MeetingResource>("GET", `/meetings/${encodeURIComponent(meeting)}`);
}

export function invite(meeting: string, invitation: InviteRequest, key?: string): Promise<InviteAnswer> {
  return request<InviteAnswer>("POST", `/meetings/${encodeURIComponent(meeting)}/invitations`, invitation, key);
}

export async function screens(): Promise<Screen[]> {
  return (await request<{ screens: Screen[] }>("GET", "/screens")).screens;
}

export function pairScreen(code: string, name: string, site: string): Promise<Screen> {
  return request<Screen>("POST", "/screens", { code, name, site });
}

export function forgetScreen(screen: string): Promise<unknown> {
  return request("DELETE", `/screens/${encodeURIComponent(screen)}`);
}

/** Without a meeting the screen shows nothing any more. */
export function showOnScreen(screen: string, meeting: string | null): Promise<Screen> {
  return request<Screen>("PUT", `/screens/${encodeURIComponent(screen)}/meeting`, { meeting });
}

export function beginPairing(): Promise<ScreenCode> {
  return request<ScreenCode>("POST", "/screen/code");
}

/** What this screen is to do. Waits for something newer than the version that is known. */
export function askScreen(known: number | null): Promise<ScreenTask> {
  return request<ScreenTask>("GET", known === null ? "/screen" : `/screen?known=${known}`);
}

export function openOnScreen(): Promise<InviteAnswer> {
  return request<InviteAnswer>("POST", "/screen/invitation");
}
