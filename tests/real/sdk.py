"""The vendors' own Python clients against `llmark sim`: what they accept is what the simulator claims to speak.

    sdk.py BASE_URL_WITHOUT_V1
"""

import json
import sys

import anthropic
import openai

BASE = sys.argv[1]
MODEL = "seed-2.0-mini"
QUESTION = "What is 17 * 23? Reply with the number only."
TOOL = {
    "name": "get_weather",
    "description": "Current weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
failures = []


def check(name):
    def run(test):
        try:
            test()
            print(f"ok    {name}")
        except Exception as problem:  # Every kind of failure is one line of the report.
            failures.append(name)
            print(f"WRONG {name}: {type(problem).__name__}: {problem}")

    return run


client = openai.OpenAI(base_url=BASE + "/v1", api_key="unused", max_retries=0)
claude = anthropic.Anthropic(base_url=BASE, api_key="unused", max_retries=0)
user = [{"role": "user", "content": QUESTION}]
weather = [{"role": "user", "content": "What is the weather in Paris?"}]


@check("openai: models")
def _():
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL


@check("openai: chat")
def _():
    reply = client.chat.completions.create(model=MODEL, messages=user, reasoning_effort="high")
    assert reply.choices[0].message.content.strip().isdigit(), reply
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.completion_tokens > reply.usage.completion_tokens_details.reasoning_tokens > 0


@check("openai: chat, streamed")
def _():
    stream = client.chat.completions.create(model=MODEL, messages=user, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.strip().isdigit(), text
    assert chunks[-1].usage.total_tokens == chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens
    assert any(getattr(chunk.choices[0].delta, "reasoning_content", None) for chunk in chunks if chunk.choices)


@check("openai: tools, whole and streamed")
def _():
    tools = [{"type": "function", "function": TOOL}]
    reply = client.chat.completions.create(model=MODEL, messages=weather, tools=tools, reasoning_effort="high")
    call = reply.choices[0].message.tool_calls[0]
    assert reply.choices[0].finish_reason == "tool_calls" and call.function.name == "get_weather"
    assert "city" in json.loads(call.function.arguments)
    with client.chat.completions.stream(model=MODEL, messages=weather, tools=tools) as stream:
        final = stream.get_final_completion()
    assert "city" in json.loads(final.choices[0].message.tool_calls[0].function.arguments)
    turns = weather + [reply.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "It is 21 degrees in Paris."}]
    answer = client.chat.completions.create(model=MODEL, messages=turns, tools=tools)
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].message.content


@check("openai: structured output")
def _():
    schema = {"type": "object", "properties": {"email": {"type": "string"}}, "required": ["email"], "additionalProperties": False}
    reply = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Whose address is ann@example.com?"}],
        response_format={"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}},
        reasoning_effort="high",
    )
    assert set(json.loads(reply.choices[0].message.content)) == {"email"}


@check("openai: responses, whole and streamed")
def _():
    reply = client.responses.create(model=MODEL, input=QUESTION, reasoning={"effort": "high"})
    assert reply.status == "completed" and reply.output_text.strip().isdigit()
    assert reply.usage.output_tokens_details.reasoning_tokens > 0
    with client.responses.stream(model=MODEL, input=QUESTION) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text.strip().isdigit() and kinds[-1] == "response.completed"
    tools = [{"type": "function", "strict": False, **TOOL}]
    with client.responses.stream(model=MODEL, input="What is the weather in Paris?", tools=tools) as stream:
        called = stream.get_final_response()
    assert [item.name for item in called.output if item.type == "function_call"] == ["get_weather"]


@check("openai: errors have their class")
def _():
    for fault, kind in [("429", openai.RateLimitError), ("500", openai.InternalServerError), ("401", openai.AuthenticationError)]:
        try:
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": f"[[sim:fault={fault}]]"}])
        except kind:
            continue
        raise AssertionError(f"{fault} was not a {kind.__name__}")
    try:
        for _ in client.chat.completions.create(
            model=MODEL, stream=True, messages=[{"role": "user", "content": "[[sim:fault=error_mid,tokens=9]]"}]
        ):
            pass
    except openai.APIError:
        return
    raise AssertionError("an error inside the stream went unnoticed")


@check("anthropic: messages")
def _():
    reply = claude.messages.create(model=MODEL, max_tokens=500, messages=user, system="Be exact.")
    assert reply.stop_reason == "end_turn" and reply.content[-1].text.strip().isdigit(), reply
    assert reply.usage.input_tokens > 0 and reply.usage.output_tokens > 0


@check("anthropic: messages, streamed, with thinking")
def _():
    with claude.messages.stream(
        model=MODEL, max_tokens=4000, messages=user, thinking={"type": "enabled", "budget_tokens": 2000}
    ) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text.strip().isdigit() and [block.type for block in final.content] == ["thinking", "text"]
    assert final.usage.output_tokens > 1


@check("anthropic: tools, whole and streamed")
def _():
    tools = [{"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}]
    reply = claude.messages.create(model=MODEL, max_tokens=500, messages=weather, tools=tools)
    assert reply.stop_reason == "tool_use" and "city" in reply.content[-1].input
    with claude.messages.stream(model=MODEL, max_tokens=500, messages=weather, tools=tools) as stream:
        final = stream.get_final_message()
    assert "city" in final.content[-1].input
    turns = weather + [
        {"role": "assistant", "content": reply.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": reply.content[-1].id, "content": "21 degrees"}]},
    ]
    answer = claude.messages.create(model=MODEL, max_tokens=500, messages=turns, tools=tools)
    assert answer.stop_reason == "end_turn" and "21 degrees" in answer.content[-1].text, answer


@check("anthropic: count_tokens and models")
def _():
    count = claude.messages.count_tokens(model=MODEL, messages=user, system="Be exact.")
    reply = claude.messages.create(model=MODEL, max_tokens=50, messages=user, system="Be exact.")
    assert count.input_tokens == reply.usage.input_tokens
    assert MODEL in [model.id for model in claude.models.list()]


@check("anthropic: errors have their class")
def _():
    for fault, kind in [("429", anthropic.RateLimitError), ("529", anthropic.InternalServerError)]:
        try:
            claude.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": f"[[sim:fault={fault}]]"}])
        except kind:
            continue
        raise AssertionError(f"{fault} was not a {kind.__name__}")


sys.exit(1 if failures else 0)
