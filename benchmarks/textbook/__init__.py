"""The peer: the same product as a competent engineer writes it in a week from the documentation of its libraries.

FastAPI on uvicorn (uvloop, httptools, two workers); a LangGraph graph whose state holds the messages, compiled with
``AsyncPostgresSaver`` on a connection pool; ``ChatOpenAI.with_structured_output``; scikit-learn ``Pipeline.predict_proba``
(TF-IDF and logistic regression) inside three parallel nodes. Everything is built once at start, nodes are asynchronous, one
pool a process, and the prompt takes the last ten messages only, so that its cost does not grow with the conversation.

What it leaves out, and ours does within the time measured: order of the messages of one conversation (two at once lose
words, LangGraph has no guard), repeats of a message, leases and recovery, deadlines, breakers and fallbacks of predictors and
model, a sentence encoder, evidence and calibration, objection ledger, rules of eligibility with reasons, disclosure, opt-out,
the fact lock, a ledger of every turn, streaming.
"""
