"""One file of settings. What differs between machines comes from the environment (or an env file); what is the same
everywhere and long stands beside it: logs, policies, schema, theme.

No secret has a usable default outside DEBUG: a missing one stops the start with its name.
"""

import base64
import contextlib
import os
import secrets
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from config import logs, policies, schema, theme

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if env_file := os.environ.get("ENV_FILE", str(BASE_DIR / ".env")):
    env.read_env(env_file)  # the environment itself wins over the file

DEBUG: bool = env.bool("DEBUG", default=False)


def required(name: str, *, in_debug: str) -> str:
    """The variable `name`; outside DEBUG there is no default."""
    value: str = env.str(name, default=in_debug if DEBUG else "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. See docs/operations.md for how to make one.")
    return value


SECRET_KEY = required("SECRET_KEY", in_debug="debug-only-" + "0" * 50)
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
# "id:base64key" pairs, newest first. The first one wraps new personal keys; all of them open old ones.
FIELD_KEYS: list[str] = required("FIELD_KEYS", in_debug="debug:" + "A" * 43 + "=").split(",")
# Addresses are found, and links sealed, by what is derived from it. Empty: the last of FIELD_KEYS.
INDEX_KEY: str = env.str("INDEX_KEY", default="")
# Earlier ones, newest first: addresses are still found by them, and links and tokens made with them still open.
INDEX_KEY_FALLBACKS: list[str] = env.list("INDEX_KEY_FALLBACKS", default=[])
# Earlier ones that leaked: addresses are still found by them, and nothing that was made with them opens.
INDEX_KEY_RETIRED: list[str] = env.list("INDEX_KEY_RETIRED", default=[])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"] if DEBUG else [])
PUBLIC_URL: str = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]


def key_of_32_bytes(name: str) -> bytes:
    """A variable of base64 that holds 32 bytes. With DEBUG one is made once and kept in VAR_DIR."""
    kept = VAR_DIR / f"{name.lower()}.debug"
    if DEBUG and not env.str(name, default="") and not kept.exists():
        fresh = VAR_DIR / f".{secrets.token_hex(8)}"
        fresh.touch(mode=0o600)
        fresh.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        with contextlib.suppress(FileExistsError):  # another process was first: its key holds
            os.link(fresh, kept)
        fresh.unlink()
    try:
        key = base64.b64decode(
            required(name, in_debug=kept.read_text() if kept.exists() else ""), validate=True
        )
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not base64.") from error
    if len(key) != 32:
        raise ImproperlyConfigured(f"{name} has {len(key)} bytes, not 32.")
    return key


# Signs the ledger's checkpoints (Ed25519). Whoever holds it and the database can forge both.
LEDGER_KEY: bytes = key_of_32_bytes("LEDGER_KEY")
# Should lie on another disk or machine than the database: it is what a changed database is held against.
CHECKPOINT_DIR = Path(env.str("CHECKPOINT_DIR", default=str(VAR_DIR / "checkpoints")))

DEFAULT_TIME_ZONE: str = env.str("DEFAULT_TIME_ZONE", default="UTC")
DEFAULT_JURISDICTION: str = env.str("DEFAULT_JURISDICTION", default="EU")
DEFAULT_CURRENCY: str = env.str("DEFAULT_CURRENCY", default="EUR")
POSTAL_ADDRESS: str = env.str("POSTAL_ADDRESS", default="")
# A campaign that reaches more people is approved by somebody who neither made nor changed it (S5).
APPROVAL_ABOVE: int = env.int("APPROVAL_ABOVE", default=1000)
# What proves that people's demands were answered: three years for claims and fines (BGB 195, OWiG 31), and more than the
# two that California asks for (11 CCR 7101).
PRIVACY_REQUESTS_KEPT_DAYS: int = env.int("PRIVACY_REQUESTS_KEPT_DAYS", default=1096)
if PRIVACY_REQUESTS_KEPT_DAYS < 31:
    raise ImproperlyConfigured(
        "PRIVACY_REQUESTS_KEPT_DAYS is less than 31: an answer may still be on its way."
    )
# Where tests of messages may go, besides the address of whoever sends one.
TEST_ADDRESSES: list[str] = env.list("TEST_ADDRESSES", default=[])
# Providers whose reports of bounces and complaints are taken in at /hooks/<provider>/, and what guards each.
MAIL_PROVIDERS: list[str] = env.list("MAIL_PROVIDERS", default=[])
ANYMAIL = {
    name: value
    for name in (
        "WEBHOOK_SECRET",
        "MAILERSEND_SIGNING_SECRET",
        "MAILGUN_WEBHOOK_SIGNING_KEY",
        "MAILTRAP_TRACKING_SECRET",
        "MANDRILL_WEBHOOK_KEY",
        "MANDRILL_WEBHOOK_URL",
        "POSTAL_WEBHOOK_KEY",
        "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",
        "UNISENDER_GO_API_KEY",
    )
    if (value := env.str(f"ANYMAIL_{name}", default=""))
} | {"AMAZON_SES_AUTO_CONFIRM_SNS_SUBSCRIPTIONS": False}  # it would need Amazon's own library
DEMO: bool = env.bool("DEMO", default=False)
# Approvers, privacy officers, administrators and superusers show a second factor, or can do nothing (S5).
REQUIRE_SECOND_FACTOR: bool = env.bool("REQUIRE_SECOND_FACTOR", default=not (DEBUG or DEMO))

INSTALLED_APPS = [
    "config",
    "campaigns",
    "recommender",
    "customers",
    "catalog",
    "config.site.DeskConfig",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "csp",
    "anymail",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.replay.ReplayFirst",
    "csp.middleware.CSPMiddleware",
    "config.security.DeskSecurity",
    "config.security.OtherSites",
    "config.security.SaysGpc",
    "django.middleware.http.ConditionalGetMiddleware",
    "config.caching.ApiCaching",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.api.IdempotencyMiddleware",
    "config.changes.doors.ChangesOfDoors",
    "config.second_factor.door.SecondFactorFirst",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
            ]
        },
    }
]

# --- storage -------------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'tact.sqlite3'}")}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Measured in docs/operations.md: with these, eight writers lose nothing; with the defaults most fail.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA mmap_size=134217728;"
            "PRAGMA journal_size_limit=27103364;PRAGMA cache_size=-20000;PRAGMA temp_store=MEMORY;"
            # What is deleted is written over: an erased person's bytes do not wait in a free page.
            "PRAGMA secure_delete=ON;"
        ),
    }
    # A file, not memory: the browser tests' server runs in another thread.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    # Measured in docs/operations.md. First, so that what DATABASE_URL says of it wins.
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options["options"] = f"-c jit=off {options.get('options', '')}".strip()

REDIS_URL: str = env.str("REDIS_URL", default="")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- background work: the rows are the queue, Celery only rings -------------------------------------------
CELERY_BROKER_URL = REDIS_URL or "files://"  # see config.broker
for folder in ("broker", "broker-control"):
    (VAR_DIR / folder).mkdir(exist_ok=True)
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 600, "unacked_restore_interval": 10}
    if REDIS_URL
    else {
        "data_folder_in": str(VAR_DIR / "broker"),
        "data_folder_out": str(VAR_DIR / "broker"),
        "control_folder": str(VAR_DIR / "broker-control"),
        "polling_interval": 0.05,
    }
)
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "tact"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")

# --- mail ------------------------------------------------------------------------------------------------
EMAIL_URL: str = env.str("EMAIL_URL", default="smtp://127.0.0.1:1025")
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", default="Tact <hello@shop.example>")

# --- people who log in -----------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "config.second_factor.views.locked_out"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
LOGIN_URL = reverse_lazy("admin:login")

# --- words -----------------------------------------------------------------------------------------------
LANGUAGE_CODE: str = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- files -----------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
MODEL_DIR = VAR_DIR / "models"
# What a restored backup must be told: on another disk than the database, and the same for every process and machine.
JOURNAL_DIR = Path(env.str("JOURNAL_DIR", default=str(VAR_DIR / "journal")))
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# --- what browsers may do ----------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = policies.CONTENT_SECURITY_POLICY
ADMIN_CONTENT_SECURITY_POLICY = policies.ADMIN_CONTENT_SECURITY_POLICY
SECURE_REFERRER_POLICY = "no-referrer"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None

# --- the API -----------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.api.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.api.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.bodies.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.openapi.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["config.api.KeyThrottle"],
    "EXCEPTION_HANDLER": "config.api.errors",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
API_REQUESTS_PER_MINUTE: int = env.int("API_REQUESTS_PER_MINUTE", default=6000)
SPECTACULAR_SETTINGS = schema.SPECTACULAR_SETTINGS

# --- the desk, and logs: records without personal data -------------------------------------------------------
UNFOLD = theme.UNFOLD
logs.write_to_standard_error()
LOGGING = logs.logging_of(env.str("LOG_LEVEL", default="WARNING"))
SILENCED_SYSTEM_CHECKS = ["axes.W003"]
