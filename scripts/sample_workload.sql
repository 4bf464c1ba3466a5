-- A small real workload for quickstart: nested and looping PL/pgSQL, C, SQL, a trigger, a
-- set-returning function, errors caught and uncaught.

\set ON_ERROR_STOP 1
CREATE EXTENSION pg_hello;

CREATE TABLE account (id integer PRIMARY KEY, balance numeric NOT NULL CHECK (balance >= 0));
CREATE TABLE account_log (id integer, old numeric, new numeric, at timestamptz DEFAULT now());

CREATE FUNCTION log_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_log (id, old, new) VALUES (new.id, old.balance, new.balance);
    RETURN new;
END $$;
CREATE TRIGGER log_account AFTER UPDATE ON account
    FOR EACH ROW EXECUTE FUNCTION log_account();

CREATE FUNCTION fee(amount numeric) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
    RETURN round(amount * 0.01, 2);
END $$;

CREATE FUNCTION transfer(source integer, target integer, amount numeric) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE account SET balance = balance - amount - fee(amount) WHERE id = source;
    UPDATE account SET balance = balance + amount WHERE id = target;
END $$;

CREATE FUNCTION try_transfer(source integer, target integer, amount numeric) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM transfer(source, target, amount);
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;
END $$;

CREATE FUNCTION balances(minimum numeric) RETURNS SETOF numeric LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT balance FROM account WHERE balance >= minimum;
END $$;

CREATE FUNCTION factorial_of(n integer) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN n < 2 THEN 1 ELSE n * factorial_of(n - 1) END;
END $$;

CREATE FUNCTION richest() RETURNS integer LANGUAGE sql AS
    'SELECT id FROM account ORDER BY balance DESC LIMIT 1';

SET pg_hello.track = 'all';

INSERT INTO account SELECT i, 100 FROM generate_series(1, 100) i;
SELECT count(*) AS transfers, count(*) FILTER (WHERE done) AS succeeded
    FROM (SELECT try_transfer(1 + i % 100, 1 + i * 7 % 100, 15 + i % 20) AS done
          FROM generate_series(1, 2000) i) t;
SELECT sum(length(pg_hello('customer ' || i))) AS greeted FROM generate_series(1, 5000) i;
SELECT count(*) AS balances FROM balances(50);
SELECT max(factorial_of(i % 20)) AS factorial FROM generate_series(1, 500) i;
SELECT count(richest()) AS richest FROM generate_series(1, 200);
-- Not enough money, and nobody catches it:
\set ON_ERROR_STOP 0
SELECT transfer(1, 2, 1000000);
