SELECT :schema.now_ms();
