/** What goes wrong, as the API says it: one shape, one closed list of codes. Pure. */
import { ApplianceError } from '../core/errors.ts';

export const apiErrors = {
  badParameter: 400,
  unknownParameter: 400,
  badRequest: 400,
  accountRefused: 400,
  signInNeeded: 401,
  signInRefused: 401,
  notAllowed: 403,
  forged: 403,
  proofNeeded: 403,
  addressesHidden: 403,
  notFound: 404,
  methodNotAllowed: 405,
  notNow: 409,
  bodyTooLarge: 413,
  addressTooLong: 414,
  wrongHost: 421,
  tooManyAttempts: 429,
  internal: 500,
  historyUnavailable: 503,
  accountsUnavailable: 503,
  notReady: 503,
  metricsUnavailable: 503,
  noRoom: 507,
  pageNotBuilt: 503,
  timedOut: 503,
  tooBusy: 503,
} as const;
export type ApiErrorCode = keyof typeof apiErrors;

export interface ApiErrorBody {
  readonly error: {
    readonly code: ApiErrorCode;
    /** A sentence that names parameter and value, and says what is allowed or what to do. */
    readonly message: string;
    readonly parameter?: string;
    readonly value?: string;
    readonly allowed?: string;
    /** Also as `Retry-After`. */
    readonly retryAfterS?: number;
    /** Of a text with a grammar: where in it, from 0, and how long the place is. */
    readonly at?: number;
    readonly length?: number;
  };
}

export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly about: Omit<ApiErrorBody['error'], 'code' | 'message'>;

  constructor(code: ApiErrorCode, message: string, about: ApiError['about'] = {}) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.about = about;
  }

  get statusCode(): number {
    return apiErrors[this.code];
  }

  get body(): ApiErrorBody {
    return { error: { code: this.code, message: this.message, ...this.about } };
  }
}

/** Fastify's own refusals, by its closed codes. */
const frameworkCodes: Readonly<Record<string, ApiErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'bodyTooLarge',
  FST_ERR_HANDLER_TIMEOUT: 'timedOut',
  FST_ERR_BAD_URL: 'badRequest',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'badRequest',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'badRequest',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'badRequest',
};

/** Any error as an answer. What is a bug says nothing about the inside; the log has it. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ApplianceError && error.code === 'accountRefused')
    return new ApiError('accountRefused', `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`);
  if (error instanceof ApplianceError) return new ApiError('historyUnavailable', `The history cannot be read: ${error.message}`);
  const code = frameworkCodes[(error as { code?: string }).code ?? ''];
  if (code === 'timedOut') return new ApiError(code, 'The answer takes too long; ask for a shorter time.');
  if (code === 'bodyTooLarge') return new ApiError(code, 'The body is too large.');
  const { statusCode = 500 } = error as { statusCode?: number };
  // Bodies that are no JSON come as a SyntaxError with a status, and no code.
  if (code !== undefined || (statusCode >= 400 && statusCode < 500))
    return new ApiError(code ?? 'badRequest', 'The request could not be understood.');
  return new ApiError('internal', 'Something failed inside the box; its log says what.');
}
