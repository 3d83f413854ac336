"""Fireworks' images: a path for each model, and one image in an answer."""

import json as encoding

from .conversation import demand
from .media import IMAGE, json

CREDENTIAL = ("authorization", "Bearer ")
RATIOS = {"1:1", "21:9", "16:9", "3:2", "5:4", "4:5", "2:3", "9:16", "9:21", "4:3", "3:4"}
KNOWN = {"prompt": str, "aspect_ratio": str, "guidance_scale": float, "num_inference_steps": int,
         "seed": int}


def failure(status, message):
    return {"error": {"message": message, "object": "error", "type": "invalid_request_error"}}


def answer(handler, path):
    body = encoding.loads(handler.rfile.read(int(handler.headers["content-length"])))
    demand(handler.command == "POST", f"method {handler.command}")
    demand(path == "/workflows/accounts/fireworks/models/flux-1-schnell-fp8/text_to_image", path)
    demand(handler.headers["content-type"] == "application/json", "no JSON")
    # Any other media type is answered with the image itself.
    demand(handler.headers["accept"] == "application/json", f"accept {handler.headers['accept']}")
    for name, value in body.items():
        demand(name in KNOWN and isinstance(value, (KNOWN[name], int)), f"{name}: {value}")
    if body["prompt"] == "something bad":
        handler.send(400, failure(400, "it is refused"))
        return
    demand(body.get("aspect_ratio", "16:9") in RATIOS, f"aspect_ratio {body.get('aspect_ratio')}")
    hidden = body["prompt"] == "something hidden"
    json(handler, {
        "id": "1234567890",
        "base64": [] if hidden else [f"data:image/png;base64,{IMAGE}"],
        "finishReason": "CONTENT_FILTERED" if hidden else "SUCCESS",
        "seed": body.get("seed", 7),
    })
