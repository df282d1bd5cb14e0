/** Requests of the API as spans, within what the client names in `traceparent`. @module */
import { spanContextOf, type Tracer } from "../ports/tracer.ts";

type Handler = (request: Request) => Promise<Response>;

/** Names, ids and queries of a request are nobody's business: they are left out of its route. */
const WORD = /^(?:v1|[a-z-]{1,16})$/;

export function tracedHandler(tracer: Tracer | undefined, handler: Handler): Handler {
  if (tracer === undefined) return handler;
  return (request) => {
    const route = new URL(request.url).pathname
      .split("/")
      .map((part) => (part === "" || WORD.test(part) ? part : ":id"));
    const attributes = { "http.request.method": request.method, "http.route": route.join("/") };
    const work = async (): Promise<Response> => {
      const response = await handler(request);
      tracer.note({ "http.response.status_code": response.status });
      return response;
    };
    return tracer.span("api.request", attributes, work, spanContextOf(request.headers.get("traceparent")));
  };
}
