/* Events come over the serial line, from a camera or a computer, and the answers go back:

     e x y p     three bytes after the letter: an event of this step (column, row; 0 OFF, 1 ON)
     .           the step is over; it has CHIP_BIN microseconds
     ?           which class is this? prints the class, -1 for none, and every score, in 1024ths; the next event begins a new recording
     n           a new class; prints its number, which no other class will have
     t k         one byte after the letter: this recording is of class k; then as after ?
     c j k       it was taught as class j and is of k: the mean of j is as if it had not met it; then as after ?
     r k         class k is forgotten                              f     all is forgotten
     u           by the membrane rule: learn from the recordings that were taught

   The small build holds a whole recording (CHIP_STEPS steps) as bits, and computes when it is asked. Where CHIP_CENTRED is 1, whoever
   sends events moves each recording so that its mean event is in the middle; edge_stream would do that, from timestamps. */
#include <minisnn_edge.h>
#include <chip.h>

enum { CLASSES = CHIP_WAYS };                   /* as many as there is memory for */
static uint32_t memory[CHIP_WORDS(CHIP_STEPS, CLASSES, CHIP_ROOM_WINDOW)];
static edge network;
static edge_event events[1024];                 /* of one step; what is more is dropped */
static size_t held;

static int next()
{
  while (!Serial.available()) {}
  return Serial.read();
}

static void tell(edge_error error) { Serial.println(error == EDGE_OK ? "ok" : edge_message(error)); }

void setup()
{
  const edge_room room = {CHIP_STEPS, CLASSES, CHIP_ROOM_WINDOW};
  Serial.begin(1000000);
  tell(edge_init(&network, &chip_model, room, memory, sizeof memory / sizeof *memory));
}

void loop()
{
  int16_t scores[CLASSES];
  int found, other;
  edge_error error;
  switch (next()) {
  case 'e': {
    edge_event event;
    event.x = (uint8_t)next();
    event.y = (uint8_t)next();
    event.polarity = (uint8_t)next();
    if (held < sizeof events / sizeof *events) events[held++] = event;
    break;
  }
  case '.':
    error = edge_step(&network, events, held);
    held = 0;
    if (error != EDGE_OK) tell(error);
    break;
  case '?':
    error = edge_scores(&network, scores, &found);
    if (error == EDGE_OK) {
      Serial.print(found);
      for (uint32_t k = 0; k < network.classes; k++) {
        Serial.print(' ');
        Serial.print(scores[k]);
      }
      Serial.println();
    } else tell(error);
    edge_start(&network);
    break;
  case 't':
    tell(edge_learn(&network, next()));
    edge_start(&network);
    break;
  case 'n':
    error = edge_add_class(&network, &found);
    if (error == EDGE_OK) {
      Serial.print(found);
      Serial.println();
    } else tell(error);
    break;
  case 'c':
    found = next();
    other = next();
    tell(edge_correct(&network, found, other));
    edge_start(&network);
    break;
  case 'r': tell(edge_remove_class(&network, next())); break;
  case 'u': tell(edge_update(&network)); break;
  case 'f': tell(edge_forget(&network)); break;
  }
}
