/** What the application has allowed: the answers of `authenticate` and `authorize`, as the core keeps them. Types only. */

/** `from`: where this client's view of the topic begins (rule D16). `failed`: it could not be decided. */
export type AuthorizeAnswer =
  | { readonly type: 'ok'; readonly from?: 'now' | number | undefined }
  | { readonly type: 'denied' }
  | { readonly type: 'failed' };

/** What `authenticate` said of a token, and `authorize` of topics under it, until it expires. */
export interface Grant {
  /** What `authenticate` judged by. */
  readonly credential: string;
  readonly identity: string | undefined;
  /** When the authentication ends, if it does. */
  readonly expiresAt: number | undefined;
  /** Until when it is reused. */
  readonly until: number;
  /** What was decided about topics, if anything was. */
  topics: Map<string, { readonly answer: AuthorizeAnswer; readonly until: number }> | undefined;
}
