"""What a client is told when it does not get what it asked for, in OpenAI's form."""

from typing import Any

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


class Refusal(Exception):
    """A sentence, an HTTP status, and for machines which parameter it is about and a code."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        """`retry_after`: in how many seconds it is worth another try."""
        super().__init__(status, message, param, code, retry_after)
        self.status, self.message, self.param, self.code, self.retry_after = status, message, param, code, retry_after

    @property
    def document(self) -> dict[str, Any]:
        kind = TYPES.get(self.status, "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        if self.retry_after is not None:
            return {"Retry-After": str(self.retry_after)}
        # OpenAI's clients would ask again by themselves for what took too long, was too much for the engine, or had no room.
        return {"X-Should-Retry": "false"} if self.status in (408, 500, 507) else {}


def no_model(model: str) -> Refusal:
    return Refusal(404, f"there is no model {model!r} for you: `GET /v1/models` lists them", "model", "model_not_found")
