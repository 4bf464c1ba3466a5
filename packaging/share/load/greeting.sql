\set user random(1, 1000000)
SELECT :schema.pg_hello('User' || :user);
