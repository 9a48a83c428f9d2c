/// A piece of the small pipeline, what takes its place, and the error that follows.
struct Wrong: Sendable, CustomStringConvertible {
    var text: String
    var replacement: String
    /// Behind `small.yaml:`.
    var message: String

    init(_ text: String, _ replacement: String, _ message: String) {
        self.text = text
        self.replacement = replacement
        self.message = message
    }

    var description: String { replacement.isEmpty ? "without \(text)" : replacement }
}

let wrongSpecifications: [Wrong] = [
    // Keys.
    Wrong("pipeline: small\n", "", "1: the key 'pipeline' is missing"),
    Wrong(
        "decisions:", "decision:",
        "24: unknown key 'decision'; did you mean 'decisions'? "
            + "the keys here: pipeline, input, time, tables, entities, features, models, decisions, evaluation"),
    Wrong(
        "label_horizon: 10d", "colour: red",
        "12: time: unknown key 'colour'; "
            + "the keys here: out_of_orderness, allowed_lateness, duplicate_horizon, label_horizon"),
    Wrong("  id: id\n", "", "2: input: the key 'id' is missing"),
    Wrong(
        "    id: long", "    id: long\n    id: long",
        "6: 'id' stands more than once in one section (first in this line); keep one"),
    Wrong(
        "pipeline: small", "pipeline: ../small",
        "1: pipeline: '../small' is not a name (letters, digits, '-' and '_', at most 100)"),
    Wrong(
        "pipeline: small", "pipeline:",
        "1: pipeline: an empty value is not a name (letters, digits, '-' and '_', at most 100)"),

    // The input.
    Wrong("id: id\n", "id: ID\n", "3: input.id: 'ID' is none of the columns id, card, amount, score"),
    Wrong("id: id\n", "id: amount\n", "3: input.id: an id is a long or a string, but 'amount' is decimal(2)"),
    Wrong(
        "format: seconds", "format: minutes",
        "4: input.event_time.format: 'minutes' is none of iso8601, seconds, milliseconds"),
    Wrong("{ column: at, format: seconds }", "at", "4: input.event_time: 'at' is not a section with keys and values"),
    Wrong("column: at,", "column: [at],", "4: input.event_time.column: a list is not a text"),
    Wrong(
        "amount: decimal(2)", "amount: decimal(19)",
        "8: input.columns.amount: 'decimal(19)' is not "
            + "a type: long, double, string, timestamp or decimal(SCALE) with a scale from 0 to 18"),
    Wrong(
        "score: double", "2score: double",
        "9: input.columns.2score: '2score' is not a name (letters, digits and underscores, no digit first)"),
    Wrong(
        "score: double", "at: timestamp",
        "9: input.columns.at: 'at' is input.event_time.column already; take it out of the columns"),
    Wrong(
        "score: double", "fraud: long",
        "9: input.columns.fraud: 'fraud' is input.label.column already; take it out of the columns"),
    Wrong(
        "score: double", "arrival_time: timestamp",
        "9: input.columns.arrival_time: 'arrival_time' is kept for the time at which a record reached the log already; "
            + "take it out of the columns"),
    Wrong("column: fraud,", "column: at,", "10: input.label.column: 'at' is input.event_time.column already"),
    Wrong(
        "column: fraud, delay: 2d", "column: fraud",
        "10: input.label: when is a label known? Add 'delay' or 'time_column'"),
    Wrong(
        "delay: 2d", "delay: 2d, time_column: known_at",
        "10: input.label.time_column: 'delay' and 'time_column' exclude each other; leave one out"),
    Wrong(
        "delay: 2d", "delay: 20d",
        "10: input.label.delay: labels come 20d after their transaction, but time.label_horizon is 10d: "
            + "none would be taken; make the horizon longer"),

    // Durations.
    Wrong(
        "label_horizon: 10d", "label_horizon: 10",
        "12: time.label_horizon: '10' is not a duration such as 7d, 36h, 90m, 30s or 250ms"),
    Wrong(
        "label_horizon: 10d", "allowed_lateness: -1h",
        "12: time.allowed_lateness: '-1h' is not a duration such as 7d, 36h, 90m, 30s or 250ms"),
    Wrong(
        "label_horizon: 10d", "duplicate_horizon: [1d]",
        "12: time.duplicate_horizon: a list is not a duration such as 7d, 36h, 90m, 30s or 250ms"),

    // Entities.
    Wrong("  card: card", "  card: cart", "14: entities.card: 'cart' is none of the columns id, card, amount, score"),
    Wrong(
        "  card: card", "  card: score",
        "14: entities.card: a key is a long or a string, but 'score' is double"),
    Wrong("  card: card", "  card: [card, card]", "14: entities.card[1]: 'card' stands twice in the pair"),
    Wrong(
        "  card: card", "  card: [card, id, id]",
        "14: entities.card: 3 columns; a key is one column or a pair such as [CARD, MERCHANT]"),

    // Other kinds of events.
    Wrong(
        "time:\n",
        "  events: { login: { columns: { card: long }, event_time: { column: at, format: seconds } } }\ntime:\n",
        "11: input.events.login: column 'card' is long here and string in events of another kind; give it the same type "
            + "or another name"),
    Wrong(
        "time:\n", "  events: { transaction: { columns: {}, event_time: { column: at, format: seconds } } }\ntime:\n",
        "11: input.events.transaction: 'transaction' is no name of a kind (letters, digits and underscores, no digit "
            + "first; not 'transaction', which transactions have)"),
    Wrong(
        "time:\n",
        "  events: { login: { columns: { at: long }, event_time: { column: at, format: seconds } } }\ntime:\n",
        "11: input.events.login.columns.at: 'at' is kept for the event's time or kind; take it out of the columns"),
    Wrong(
        "time:\n",
        "  events: { login: { id: x, columns: { card: string }, event_time: { column: at, format: seconds } } }\ntime:\n",
        "11: input.events.login.id: 'x' is none of the columns card"),

    // Tables.
    Wrong(
        "time:\n", "tables: { shops: { columns: { card: string } } }\ntime:\n",
        "11: tables.shops: the key 'key' is missing"),
    Wrong(
        "time:\n", "tables: { shops: { key: rate, columns: { card: string, rate: decimal(2) } } }\ntime:\n",
        "11: tables.shops.key: a key is a long or a string, but 'rate' is decimal(2)"),
    Wrong(
        "time:\n", "tables: { shops: { key: [card, card], columns: { card: string } } }\ntime:\n",
        "11: tables.shops.key[1]: 'card' stands twice in the key"),
    Wrong(
        "time:\n", "tables: { shops: { key: card, columns: { card: string, op: long } } }\ntime:\n",
        "11: tables.shops.columns.op: 'op' is kept for the change itself; take it out of the columns"),
    Wrong(
        "time:\n", "tables: { shops: { key: card, columns: { card: { type: string, default: x } } } }\ntime:\n",
        "11: tables.shops.key: 'card' has a default, which would be the key of many rows; leave it out"),
    Wrong(
        "time:\n",
        "tables: { shops: { key: card, columns: { card: string, rate: { type: long, if_missing: x } } } }\ntime:\n",
        "11: tables.shops.columns.rate.if_missing: 'x' is not a whole number"),
    Wrong(
        "time:\n", "tables: { shops: { key: card, columns: { card: string }, on: id } }\ntime:\n",
        "11: tables.shops.on: join 'shops': 'id' is long, but the table's key 'card' is string"),
    Wrong(
        "time:\n", "tables: { shops: { key: card, columns: { card: string }, on: [card, id] } }\ntime:\n",
        "11: tables.shops.on: join 'shops': 2 columns for a key of 1 (card)"),
    Wrong(
        "time:\n", "tables: { shops: { key: card, columns: { card: string }, on: kinds.name } }\ntime:\n",
        "11: tables.shops.on: join 'shops': there is no table 'kinds'; there are shops"),
    Wrong(
        "time:\n", "tables: { shops: { key: shop, columns: { shop: string } } }\ntime:\n",
        "11: tables.shops: join 'shops': no event has a column 'shop'"),

    // Features.
    Wrong("name: night,", "", "17: features[1]: the key 'name' is missing"),
    Wrong(
        "name: night", "name: amount", "17: features[1].name: 'amount' is the name of the feature in line 16 already"),
    Wrong(
        "name: night", "name: score",
        "17: features[1]: 'score': a column has this name, and it would not be plain which of the two is meant; "
            + "name it otherwise"),
    Wrong(
        "name: night", "name: status",
        "17: features[1]: 'status': exported vectors have a column of this name already; name it otherwise"),
    Wrong(
        "name: night", "name: at night",
        "17: features[1].name: 'at night' is not a name (letters, digits and underscores, no digit first)"),
    Wrong(
        ", hour: [0, 6]", "",
        "17: features[1]: what is it computed from? Add one of column, window, expression, "
            + "hour, weekday, calendar, log1p, ratio, one_hot, hash, cross"),
    Wrong(
        "hour: [0, 6]", "hours: [0, 6]",
        "17: features[1]: unknown key 'hours'; did you mean 'hour'? the keys here: name, reason, column, expression, "
            + "hour, weekday, calendar, log1p, ratio, one_hot, hash, cross, zone, entity, window, delay, aggregate, of, where, "
            + "include_current, if_empty, basis, half_life, prior, strength, over"),
    Wrong("hour: [0, 6]", "hour: [0, 24]", "17: features[1].hour[1]: '24' is not a whole number from 0 to 23"),
    Wrong(
        "hour: [0, 6]", "hour: [22, 6]",
        "17: features[1].hour: 22 to 6 runs over midnight; declare the hours before and after it as two features"),
    Wrong(
        "hour: [0, 6]", "hour: [6]",
        "17: features[1].hour: a list of 1 is not a list of the first and the last hour, such as [0, 6]"),
    Wrong(
        "hour: [0, 6]", "hour: 6",
        "17: features[1].hour: '6' is not a list of the first and the last hour, such as [0, 6]"),
    Wrong(
        "hour: [0, 6]", "hour: [0, 6], weekday: [sat]",
        "17: features[1]: 'weekday' has no meaning beside 'hour'; leave it out"),
    Wrong(
        "hour: [0, 6]", "weekday: [saturday]",
        "17: features[1].weekday[0]: 'saturday' is none of mon, tue, wed, thu, fri, sat, sun"),
    Wrong(
        "hour: [0, 6]", "weekday: []",
        "17: features[1].weekday: the list is empty; give at least one of mon, tue, wed, thu, fri, sat, sun"),
    Wrong(
        "aggregate: mean", "aggregate: cout",
        "18: features[2].aggregate: 'cout' is none of "
            + "count, sum, mean, variance, min, max, first, last, distinct, decayed_count, decayed_sum, label_count, "
            + "label_rate, known_label_rate, smoothed_label_rate, fraud_run, since_first_fraud, since_last_fraud, "
            + "since_previous, previous"),
    Wrong(
        "window: 1d", "window: 1 day",
        "18: features[2].window: '1 day' is not a duration such as 7d, 36h, 90m, 30s or 250ms"),
    Wrong("window: 1d", "window: 0s", "18: features[2].window: a window is longer than 0s"),
    Wrong(" window: 1d,", "", "18: features[2]: the key 'window' is missing"),
    Wrong("entity: card,", "entity: cart,", "18: features[2].entity: 'cart' is none of the entities card"),
    Wrong(", of: amount", "", "18: features[2]: mean of which column? Add 'of'"),
    Wrong(
        "aggregate: mean", "aggregate: count",
        "18: features[2].of: count is of no column; leave 'of' out"),
    Wrong(", of: amount", ", of: card", "18: features[2]: 'mean_1d': 'card' is a string, not a number"),
    Wrong(
        "window: 1d", "window: ever",
        "18: features[2].window: 'ever' is not a duration such as 7d, 36h, 90m, 30s or 250ms"),
    Wrong(
        "aggregate: mean, of: amount", "aggregate: count, if_empty: 1",
        "18: features[2].if_empty: count of an empty window is fixed; 'if_empty' belongs to means, values and ages"),
    Wrong(
        "aggregate: mean", "aggregate: sum, half_life: 1d",
        "18: features[2].half_life: sum does not decay; leave 'half_life' out"),
    Wrong("aggregate: mean", "aggregate: decayed_sum", "18: features[2]: the key 'half_life' is missing"),
    Wrong(
        "aggregate: mean", "aggregate: decayed_sum, half_life: 0s",
        "18: features[2].half_life: a half-life is longer than 0s"),
    Wrong(
        "aggregate: mean", "aggregate: mean, basis: label_arrival",
        "18: features[2].basis: mean does not look at labels; 'basis' belongs to label aggregates"),
    Wrong(
        "aggregate: mean", "aggregate: mean, over: all",
        "18: features[2].over: 'over' belongs to smoothed_label_rate, not to mean"),
    Wrong(
        "aggregate: mean, of: amount", "aggregate: smoothed_label_rate, prior: 2, strength: 1",
        "18: features[2].prior: '2' is not a share from 0 to 1"),
    Wrong(
        "aggregate: mean", "aggregate: mean, where: amount > ",
        "18: features[2].where: 'mean_1d': character 9: the expression ends where a number, a name, a function or '(' "
            + "should stand"),
    Wrong(
        "aggregate: mean", "aggregate: mean, where: night > 1",
        "18: features[2].where: 'mean_1d': character 1: there is no column 'night' (conditions do not see features)"),

    // Expressions, calendars, categories.
    Wrong(
        "ratio: [amount, mean_1d]", "expression: amount / (mean_1d + 1",
        "19: features[3].expression: 'ratio_1d': character 22: the expression ends where an operator or ')' should stand"
    ),
    Wrong(
        "ratio: [amount, mean_1d]", "expression: hour('Europe/Atlantis')",
        "19: features[3]: 'ratio_1d': 'Europe/Atlantis' is no time zone; expected UTC or a name such as Europe/Paris"),
    Wrong(
        "hour: [0, 6]", "hour: [0, 6], zone: ../etc",
        "17: features[1]: 'night': '../etc' is no time zone; expected UTC or a name such as Europe/Paris"),
    Wrong(
        "hour: [0, 6]", "calendar: year",
        "17: features[1].calendar: 'year' is none of hour, weekday, day_of_month, month, minute_of_day"),
    Wrong(
        "hour: [0, 6]", "one_hot: { column: amount, values: [1] }",
        "17: features[1]: 'night': a category is a string or a long, but 'amount' is decimal(2)"),
    Wrong(
        "hour: [0, 6]", "one_hot: { column: card, values: [a, a] }",
        "17: features[1]: 'night': the value 'a' is given twice"),
    Wrong(
        "hour: [0, 6]", "hash: { column: card, buckets: 1 }",
        "17: features[1].hash.buckets: '1' is not a whole number from 2 to 4096"),
    Wrong(
        "hour: [0, 6]", "cross: { columns: [card], buckets: 8 }",
        "17: features[1].cross.columns: a cross is of two columns or more; use 'hash' for one"),
    Wrong(
        ", of: amount", ", of: amount, include_current: yes",
        "18: features[2].include_current: 'yes' is not true or false"),
    Wrong(
        "ratio: [amount, mean_1d]", "ratio: [amount, mean_7d]",
        "19: features[3]: 'ratio_1d': there is no column and no earlier feature 'mean_7d'"),
    Wrong(
        "ratio: [amount, mean_1d]", "log1p: card",
        "19: features[3]: 'ratio_1d': 'card' is a string, not a number"),

    // Models, decisions, evaluation.
    Wrong("refresh: 64", "refresh: 0", "21: models.scaler.refresh: 0 is out of range; it must be at least 1"),
    Wrong("refresh: 64", "refresh: often", "21: models.scaler.refresh: 'often' is not a whole number"),
    Wrong("count: 4", "count: 5000", "22: models.clusters.count: 5000 is out of range; it must be from 1 to 4096"),
    Wrong("count: 4", "decay: 1.5", "22: models.clusters.decay: 1.5 is out of range; it must be from 0 to 1"),
    Wrong(
        "count: 4", "count: 4096, batch_rows: 1048576",
        "20: models: 1048576 rows at once of 4100 features and clusters are more than fits; make batches smaller"),
    Wrong(
        "count: 4", "seed: -1", "22: models.clusters.seed: '-1' is not a whole number from 0 to 18446744073709551615"),
    Wrong(
        "learner: adagrad", "learner: adamant",
        "23: models.classifier.learner: 'adamant' is none of adagrad, sgd, ftrl, adam, newton"),
    Wrong(
        "rate: 0.1", "averaging: { after_rows: -1 }",
        "23: models.classifier.averaging.after_rows: -1 is out of range; it must be at least 0"),
    Wrong(
        "rate: 0.1", "averaging: {}",
        "23: models.classifier.averaging: it needs either 'after_rows' or 'half_life_rows'"),
    Wrong(
        "rate: 0.1", "negative_share: 0",
        "23: models.classifier.negative_share: 0.0 is out of range; it must be above 0 and at most 1"),
    Wrong(
        "learner: adagrad, rate: 0.1", "learner: newton, ridge: 1, half_life: 1d, half_life_rows: 10",
        "23: models.classifier: 'half_life' and 'half_life_rows' say the same thing twice; leave one out"),
    Wrong(
        "count: 4", "decay: 0.9, half_life: 1d",
        "22: models.clusters: 'half_life' and 'decay' say the same thing twice; leave one out"),
    Wrong(
        "learner: adagrad", "learner: newton",
        "23: models.classifier: 'rate' has no meaning beside learner 'newton'; leave it out"),
    Wrong("rate: 0.1", "rate: 0", "23: models.classifier.rate: 0.0 is out of range; it must be above 0"),
    Wrong("rate: 0.1", "rate: nan", "23: models.classifier.rate: 'nan' is not a number"),
    Wrong(
        "rate: 0.1", "mini_batch: 0",
        "23: models.classifier.mini_batch: 0 is out of range; it must be from 1 to 1048576"),
    Wrong(
        "alert_threshold: 0.9", "alert_threshold: 90",
        "24: decisions.alert_threshold: '90' is not a probability above 0 and at most 1"),
    Wrong(
        "evaluation: { entity: card", "evaluation: { entity: shop",
        "25: evaluation.entity: 'shop' is none of the entities card"),
    Wrong(
        "evaluation: { entity: card", "evaluation: { first_day: 2018-08-08",
        "25: evaluation.first_day: 'first_day' and 'last_day' belong together; give both or neither"),
    Wrong(
        "evaluation: { entity: card", "evaluation: { first_day: 2018-08-08, last_day: 2018-02-30",
        "25: evaluation.last_day: '2018-02-30' is not a date such as 2018-08-08"),
    Wrong(
        "evaluation: { entity: card", "evaluation: { first_day: 2018-08-08, last_day: 2018-08-07",
        "25: evaluation.last_day: the last day is before the first"),
    Wrong(
        "evaluation: { entity: card", "evaluation: { baseline: card",
        "25: evaluation.baseline: 'card' is a string, not a number"),

    // What classifiers see.
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins: [{ of: [amont] }] }",
        "23: models.classifier.inputs.bins[0].of[0]: 'amont' is none of the 4 features; did you mean 'amount'?"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins: [{ of: [amount, amount] }] }",
        "23: models.classifier.inputs.bins[0].of[1]: 'amount' stands twice in the list"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins: [{ tail: high }] }",
        "23: models.classifier.inputs.bins[0]: the key 'of' is missing"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins: [{ of: some }] }",
        "23: models.classifier.inputs.bins[0].of: 'some' is not all, or a list of features such as [amount]"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins: [{ of: all, count: 0 }] }",
        "23: models.classifier.inputs.bins[0].count: '0' is not a whole number from 1 to 256"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins: [{ of: all, tail: upper }] }",
        "23: models.classifier.inputs.bins[0].tail: 'upper' is none of none, high, low, both"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins: [{ of: all, last: 0.5 }] }",
        "23: models.classifier.inputs.bins[0].last: '0.5' is not a share of at least 0 and below 0.5"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins: [{ of: all, encoding: hat }] }",
        "23: models.classifier.inputs.bins[0].encoding: 'hat' is none of one_hot, piecewise_linear"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { crosses: [{ of: [amount] }] }",
        "23: models.classifier.inputs.crosses[0].of: a cross is of 2 to 4 features, not of 1"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { crosses: [{ of: [amount, night] }] }",
        "23: models.classifier.inputs.crosses: a cross of features that are not all under 'bins' has no end of "
            + "combinations; give 'buckets', or bins"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { crosses: [{ of: [amount, day], buckets: 64 }] }",
        "23: models.classifier.inputs.crosses[0].of[1]: 'day' is none of the 4 features"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { crosses: [{ of: [amount, night], buckets: 1 }] }",
        "23: models.classifier.inputs.crosses[0].buckets: '1' is not a whole number from 2 to 4194304"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { bins_frozen_after: 0 }",
        "23: models.classifier.inputs.bins_frozen_after: '0' is not a whole number from 1 to 1099511627776"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { dense: none }",
        "23: models.classifier.inputs.dense: 'none' is not all, a list of features, or { all_but: [...] }"),
    Wrong(
        "rate: 0.1", "rate: 0.1, inputs: { dense: { all_but: [nights] } }",
        "23: models.classifier.inputs.dense.all_but[0]: 'nights' is none of the 4 features; did you mean 'night'?"),

    // Several classifiers, and whose labels they learn.
    Wrong(
        "rate: 0.1 }", "rate: 0.1 }\n  classifiers: { a: {} }",
        "23: models.classifier: 'classifier' and 'classifiers' exclude each other; leave one out"),
    Wrong(
        "classifier: { learner: adagrad, rate: 0.1 }", "classifiers: {}",
        "23: models.classifiers: 0 classifiers; there are from 1 to 16"),
    Wrong(
        "classifier: { learner: adagrad, rate: 0.1 }", "classifiers: { a-b: {} }",
        "23: models.classifiers.a-b: 'a-b' is not a name (letters, digits and underscores, no digit first)"),
    Wrong(
        "classifier: { learner: adagrad, rate: 0.1 }", "classifiers: { a: {}, bC: { mini_batch: 0 } }",
        "23: models.classifiers.bC.mini_batch: 0 is out of range; it must be from 1 to 1048576"),
    Wrong(
        "classifier: { learner: adagrad, rate: 0.1 }", "classifiers: { a: {}, b: { inputs: { dense: [x] } } }",
        "23: models.classifiers.b.inputs.dense[0]: 'x' is none of the 4 features"),
    Wrong(
        "classifier: { learner: adagrad, rate: 0.1 }", "classifiers: { a: {}, b: {} }\n  blend: { a: 0.5, c: 0.5 }",
        "24: models.blend.c: 'c' is none of the classifiers a, b"),
    Wrong(
        "classifier: { learner: adagrad, rate: 0.1 }", "classifiers: { a: {}, b: {} }\n  blend: { a: 0.5 }",
        "24: models.blend: the weights are 0.5 together; they must be 1"),
    Wrong(
        "classifier: { learner: adagrad, rate: 0.1 }", "classifiers: { a: {}, b: {} }\n  blend_space: logit",
        "24: models.blend_space: there is no 'blend' that it says something of"),
    Wrong(
        "rate: 0.1", "rate: 0.1, labels: [analyst]",
        "23: models.classifier.labels[0]: 'analyst' is none of the label sources of the input: there are: none is "
            + "declared"),
    Wrong(
        "label: { column: fraud, delay: 2d }", "label: { column: fraud, delay: 2d }\n  label_sources: [bank]",
        "10: input.label: whose are its labels? Add 'source', one of bank"),
    Wrong(
        "label: { column: fraud, delay: 2d }",
        "label: { column: fraud, delay: 2d, source: table }\n  label_sources: [bank]",
        "10: input.label.source: 'table' is none of the label sources bank"),
    Wrong(
        "label: { column: fraud, delay: 2d }",
        "label: { column: fraud, delay: 2d, source: a }\n  label_sources: [a, a]",
        "11: input.label_sources[1]: 'a' stands twice in the list"),
    Wrong(
        "label: { column: fraud, delay: 2d }",
        "label: { column: fraud, delay: 2d, source: a }\n  label_sources: []",
        "11: input.label_sources: 0 sources; there are from 1 to 16"),
]
