"""Peer T: accounts and a chat in the style of the usual full-stack template, as its users would run it.

FastAPI with `def` endpoints in its thread pool, SQLAlchemy's ORM with a session for each request, the user read from
the database at each call, SQLite with a write-ahead log and `synchronous=FULL`, a connection manager for sockets and
a broadcast behind the answer. Fair where it costs nothing: a pool and as many threads of 100, the same argon2
parameters as ours, uvloop and httptools, no access log.

    python bench/peers/template_service.py DATABASE PORT
"""

import sys
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import anyio.to_thread
import jwt
import uvicorn
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, Field
from sqlalchemy import ForeignKey, UniqueConstraint, create_engine, event, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

SECRET = "the-template's-own-secret-of-enough-bytes"  # noqa: S105 - a peer for the bench
POOL = 100
HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
engine = create_engine(f"sqlite:///{sys.argv[1]}", pool_size=POOL, max_overflow=0, connect_args={"timeout": 60})


@event.listens_for(engine, "connect")
def _prepare(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


class Base(DeclarativeBase):
    """Every table's."""


class User(Base):
    __tablename__ = "users"
    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True, index=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


class Conversation(Base):
    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(default=0)


class Member(Base):
    __tablename__ = "members"
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)


class Message(Base):
    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "sender_id", "client_message_id"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int]
    sender_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str]
    client_message_id: Mapped[str | None]
    sent_at: Mapped[datetime]


class Credentials(BaseModel):
    email: str
    password: str = Field(min_length=8, max_length=128)
    name: str = ""


class UserOut(BaseModel, from_attributes=True):
    id: str
    email: str
    name: str
    is_active: bool
    created_at: datetime


class MessageIn(BaseModel):
    text: str = Field(min_length=1, max_length=4000)
    clientMessageId: str | None = None  # noqa: N815 - the wire's name


class MessageOut(BaseModel, from_attributes=True):
    id: str
    conversation_id: str
    seq: int
    sender_id: str
    text: str
    sent_at: datetime


class ConnectionManager:
    def __init__(self) -> None:
        self.rooms: dict[str, list[WebSocket]] = {}

    async def broadcast(self, room: str, text: str) -> None:
        for socket in tuple(self.rooms.get(room, ())):
            await socket.send_text(text)


def get_session() -> Generator[Session]:
    with Session(engine, expire_on_commit=False) as session:
        yield session


Db = Annotated[Session, Depends(get_session)]
Token = Annotated[str, Depends(OAuth2PasswordBearer("/login"))]


def current_user(session: Db, token: Token) -> User:
    try:
        user_id = jwt.decode(token, SECRET, ["HS256"])["sub"]
    except jwt.InvalidTokenError as error:
        raise HTTPException(403, "Could not validate credentials") from error
    user = session.get(User, user_id)
    if user is None or not user.is_active:
        raise HTTPException(404, "User not found")
    return user


CurrentUser = Annotated[User, Depends(current_user)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = POOL
    Base.metadata.create_all(engine)
    yield


app = FastAPI(lifespan=lifespan)
manager = ConnectionManager()


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/signup", status_code=201)
def sign_up(body: Credentials, session: Db) -> UserOut:
    user = User(id=str(uuid.uuid4()), email=body.email, name=body.name, password_hash=HASHER.hash(body.password))
    session.add(user)
    session.commit()
    return UserOut.model_validate(user)


@app.post("/login")
def login(body: Credentials, session: Db) -> dict[str, str]:
    user = session.scalar(select(User).where(User.email == body.email))
    try:
        if user is None or not HASHER.verify(user.password_hash, body.password):
            raise HTTPException(400, "Incorrect email or password")
    except VerifyMismatchError as error:
        raise HTTPException(400, "Incorrect email or password") from error
    claims = {"sub": user.id, "exp": datetime.now(UTC) + timedelta(days=1)}
    return {"access_token": jwt.encode(claims, SECRET, "HS256"), "token_type": "bearer"}


@app.get("/users/me")
def read_me(user: CurrentUser) -> UserOut:
    return UserOut.model_validate(user)


@app.post("/conversations", status_code=201)
def open_conversation(user: CurrentUser, session: Db) -> dict[str, str]:
    conversation = Conversation(id=str(uuid.uuid4()))
    session.add(conversation)
    session.flush()
    session.add(Member(conversation_id=conversation.id, user_id=user.id))
    session.commit()
    return {"id": conversation.id}


def _require_member(session: Session, conversation_id: str, user: User) -> None:
    if session.get(Member, (conversation_id, user.id)) is None:
        raise HTTPException(403, "Not a member")


@app.post("/conversations/{conversation_id}/messages", status_code=201)
def send_message(
    conversation_id: str, body: MessageIn, user: CurrentUser, session: Db, background: BackgroundTasks
) -> MessageOut:
    _require_member(session, conversation_id, user)
    session.rollback()  # SQLite cannot turn a read into a write once another has written: begin anew
    head = update(Conversation).where(Conversation.id == conversation_id).values(last_seq=Conversation.last_seq + 1)
    seq = session.scalar(head.returning(Conversation.last_seq))
    message = Message(
        id=str(uuid.uuid4()),
        conversation_id=conversation_id,
        seq=seq,
        sender_id=user.id,
        text=body.text,
        client_message_id=body.clientMessageId,
        sent_at=datetime.now(UTC),
    )
    session.add(message)
    try:
        session.commit()
    except IntegrityError as error:
        raise HTTPException(409, "Sent before") from error
    out = MessageOut.model_validate(message)
    background.add_task(manager.broadcast, conversation_id, out.model_dump_json())
    return out


@app.get("/conversations/{conversation_id}/messages")
def list_messages(
    conversation_id: str, user: CurrentUser, session: Db, before: int | None = None, after: int | None = None
) -> list[MessageOut]:
    _require_member(session, conversation_id, user)
    query = select(Message).where(Message.conversation_id == conversation_id)
    if after is not None:
        query = query.where(Message.seq > after).order_by(Message.seq).limit(1000)
        return [MessageOut.model_validate(message) for message in session.scalars(query)]
    if before is not None:
        query = query.where(Message.seq < before)
    found = session.scalars(query.order_by(Message.seq.desc()).limit(50)).all()
    return [MessageOut.model_validate(message) for message in reversed(found)]


@app.websocket("/ws/{conversation_id}")
async def listen(socket: WebSocket, conversation_id: str, token: str) -> None:
    jwt.decode(token, SECRET, ["HS256"])
    await socket.accept()
    room = manager.rooms.setdefault(conversation_id, [])
    room.append(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        room.remove(socket)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning", backlog=4096)
