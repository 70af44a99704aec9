/** The REST calls that the pages make. Every refusal becomes an `ApiError` with the server's stable code. */
import type {
  Catalogue,
  InviteAnswer,
  InviteRequest,
  LinkInfo,
  MeetingResource,
  NewMeeting,
  StaffSession,
  TokenAnswer,
} from "../wire";
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

export async function request<Result>(method: string, path: string, body?: unknown): Promise<Result> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["Idempotency-Key"] = uuid();
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    throw new ApiError(0, UNREACHABLE, "The server cannot be reached");
  }
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

/** For whom a link is. Nothing is used up by asking. */
export function linkInfo(code: string): Promise<LinkInfo> {
  return request<LinkInfo>("POST", "/links", { code });
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
  const response = await fetch("/sign-out", { method: "POST", credentials: "same-origin" });
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

export function createMeeting(meeting: NewMeeting): Promise<MeetingResource> {
  return request<MeetingResource>("POST", "/meetings", meeting);
}

export function invite(meeting: string, invitation: InviteRequest): Promise<InviteAnswer> {
  return request<InviteAnswer>("POST", `/meetings/${encodeURIComponent(meeting)}/invitations`, invitation);
}
